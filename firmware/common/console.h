/* The operator's console: the serial line, or the host's output while a host program runs in batch. */
#ifndef FW_CONSOLE_H
#define FW_CONSOLE_H

#include "lib.h"

/* Host file descriptor that console output goes to; 0 is the serial line. */
void console_to_host(int fd);
int console_is_host(void);
void console_flush(void);

void console_put(int c); /* a line feed becomes carriage return and line feed on the serial line */
int console_get(void);   /* waits */
int printf(const char *text, ...) __attribute__((format(printf, 1, 2)));
int vprintf(const char *text, va_list args);

/* Reads an edited line without its end: ^H and DEL erase, ^W a word, ^U the line.
 * -1 after ^C, or ^D on nothing. */
int console_line(char *line, int size, int echo);

#endif
