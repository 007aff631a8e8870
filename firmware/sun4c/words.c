/* The interpreter of the prompt: words and numbers, a stack, help. */
#include "words.h"
#include "console.h"
#include "machine.h"
#include "monitor.h"

enum { LINE_SIZE = 256, DEPTH = 32 };

static u32 stack[DEPTH], depth, base = 16;
static char *source, later[LINE_SIZE];
static int failed;

static void run_help(void);
static const struct word own_words[] = {
    {"help", "[WORD]", "the words, or what one of them does", 0, run_help},
    {0, 0, 0, 0, 0},
};

static const struct {
    const char *title;
    const struct word *words;
} groups[] = {
    {"Booting", boot_words}, {"Devices", tree_words},  {"Machine", machine_words},
    {"Memory", memory_words}, {"Stack", stack_words}, {"Help", own_words},
};

void words_fail(const char *text, ...)
{
    va_list args;

    va_start(args, text);
    vprintf(text, args);
    va_end(args);
    console_put('\n');
    failed = 1;
}

void words_push(u32 value)
{
    if (depth == DEPTH)
        words_fail("Stack Overflow");
    else
        stack[depth++] = value;
}

u32 words_pop(void)
{
    return depth ? stack[--depth] : 0;
}

u32 words_depth(void)
{
    return depth;
}

char *words_next(void)
{
    while (*source == ' ' || *source == '\t')
        source++;
    if (!*source)
        return 0;
    char *word = source;
    while (*source && *source != ' ' && *source != '\t')
        source++;
    if (*source)
        *source++ = 0;
    return word;
}

char *words_rest(void)
{
    while (*source == ' ' || *source == '\t')
        source++;
    char *rest = source;
    source += strlen(source);
    for (char *end = source; end > rest && end[-1] == ' ';)
        *--end = 0;
    return rest;
}

/* Digits of the base, with a sign before and dots and commas between them. */
static int number(const char *text, u32 *value)
{
    int minus = *text == '-', digits = 0;
    u32 v = 0, radix = base;

    text += minus;
    if (text[0] == '0' && (text[1] | 0x20) == 'x') {
        radix = 16;
        text += 2;
    }
    for (; *text; text++) {
        int d = hex_digit((u8)*text);

        if ((*text == '.' || *text == ',') && digits)
            continue;
        if (d < 0 || (u32)d >= radix)
            return 0;
        v = v * radix + (u32)d;
        digits++;
    }
    *value = minus ? -v : v;
    return digits > 0;
}

static const struct word *find(const char *name)
{
    for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
        for (const struct word *w = groups[g].words; w->name; w++)
            if (!strcmp(w->name, name))
                return w;
    return 0;
}

static void print_word(const struct word *w)
{
    printf("  %s %s", w->name, w->arguments);
    for (size_t n = strlen(w->name) + strlen(w->arguments); n < 34; n++)
        console_put(' ');
    printf("%s\n", w->help);
}

static void run_help(void)
{
    char *name = words_next();
    const struct word *one = name ? find(name) : 0;

    if (one)
        print_word(one);
    else if (name)
        words_fail("%s ?  There is no such word; help lists them", name);
    else {
        for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
            printf("%s\n", groups[g].title);
            for (const struct word *w = groups[g].words; w->name; w++)
                print_word(w);
        }
        printf("Numbers are hexadecimal (try  decimal), come before the word, and stay on a stack.\n"
               "BREAK interrupts a program; ^H, ^W, ^U erase.\n");
    }
}

static void run_word(const char *name)
{
    const struct word *w = find(name);
    u32 value;

    if (!w && number(name, &value))
        words_push(value);
    else if (!w)
        words_fail("%s ?  help lists the words", name);
    else if (depth < w->needs)
        words_fail("Stack Underflow: %s %s", w->name, w->arguments);
    else
        w->run();
}

void words_run(char *line)
{
    char *outer = source, *name;

    source = line;
    failed = 0;
    while (!failed && (name = words_next()))
        run_word(name);
    if (failed)
        depth = 0;
    source = outer;
}

void words_later(const char *line)
{
    strcopy(later, line, sizeof later);
}

void monitor_loop(void)
{
    static char line[LINE_SIZE];

    depth = 0;
    if (later[0]) {
        strcopy(line, later, sizeof line);
        later[0] = 0;
        printf("ok %s\n", line);
        words_run(line);
    }
    for (;;) {
        printf(depth ? "%u ok " : "ok ", depth);
        if (console_line(line, sizeof line, 1) > 0)
            words_run(line);
    }
}

/* --- arithmetic and the stack */

static void run_hex(void)
{
    base = 16;
}

static void run_decimal(void)
{
    base = 10;
}

static void print_number(u32 value)
{
    if (base == 16)
        printf("%x ", value);
    else
        printf("%d ", (int)value);
}

static void run_dot(void)
{
    print_number(words_pop());
    console_put('\n');
}

static void run_show(void)
{
    for (u32 i = 0; i < depth; i++)
        print_number(stack[i]);
    printf(depth ? "\n" : "Empty\n");
}

static void run_dup(void)
{
    words_push(stack[depth - 1]);
}

static void run_over(void)
{
    words_push(stack[depth - 2]);
}

static void run_drop(void)
{
    words_pop();
}

static void run_clear(void)
{
    depth = 0;
}

static void run_swap(void)
{
    u32 top = stack[depth - 1];

    stack[depth - 1] = stack[depth - 2];
    stack[depth - 2] = top;
}

static void run_divide(void)
{
    u32 b = words_pop(), a = words_pop();

    if (!b)
        words_fail("Division by zero");
    else
        words_push((u32)((s32)a / (s32)b));
}

#define OPERATOR(name, expression) \
    static void name(void) \
    { \
        u32 b = words_pop(), a = words_pop(); \
        words_push(expression); \
    }
OPERATOR(run_add, a + b)
OPERATOR(run_subtract, a - b)
OPERATOR(run_multiply, a *b)
OPERATOR(run_and, a &b)
OPERATOR(run_or, a | b)
OPERATOR(run_xor, a ^ b)
OPERATOR(run_left, b < 32 ? a << b : 0)
OPERATOR(run_right, b < 32 ? a >> b : 0)

const struct word stack_words[] = {
    {".", "( n -- )", "prints a number", 1, run_dot},
    {".s", "", "prints the stack", 0, run_show},
    {"hex", "", "numbers are hexadecimal", 0, run_hex},
    {"decimal", "", "numbers are decimal", 0, run_decimal},
    {"dup", "( n -- n n )", "", 1, run_dup},
    {"drop", "( n -- )", "", 1, run_drop},
    {"swap", "( a b -- b a )", "", 2, run_swap},
    {"over", "( a b -- a b a )", "", 2, run_over},
    {"clear", "", "empties the stack", 0, run_clear},
    {"+", "( a b -- a+b )", "", 2, run_add},
    {"-", "( a b -- a-b )", "", 2, run_subtract},
    {"*", "( a b -- a*b )", "", 2, run_multiply},
    {"/", "( a b -- a/b )", "", 2, run_divide},
    {"and", "( a b -- a&b )", "", 2, run_and},
    {"or", "( a b -- a|b )", "", 2, run_or},
    {"xor", "( a b -- a^b )", "", 2, run_xor},
    {"<<", "( a n -- a<<n )", "", 2, run_left},
    {">>", "( a n -- a>>n )", "", 2, run_right},
    {0, 0, 0, 0, 0},
};
