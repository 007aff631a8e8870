/* The prompt `ok`: words with a stack of numbers, as in OpenBoot, without definitions. */
#ifndef FW_WORDS_H
#define FW_WORDS_H

#include "lib.h"

struct word {
    const char *name, *arguments, *help;
    u32 needs; /* numbers on the stack */
    void (*run)(void);
};
extern const struct word boot_words[], tree_words[], machine_words[], memory_words[], stack_words[];

/* Runs a line; cuts it into words in place. */
void words_run(char *line);

/* A line to run at the next prompt. */
void words_later(const char *line);

/* For words. The next word of the line, or null; all the rest of it, without blanks at its ends. */
char *words_next(void);
char *words_rest(void);
void words_push(u32 value);
u32 words_pop(void);
u32 words_depth(void);
/* Prints why, and ends the line when the word returns. */
void words_fail(const char *text, ...) __attribute__((format(printf, 1, 2)));

#endif
