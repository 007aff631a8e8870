/* Command lines: words and hexadecimal numbers (the monitor speaks hexadecimal only, as Sun's did). */
#include "lib.h"

int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int parse_hex(const char *s, u32 *value)
{
    u32 v = 0;
    int digits = 0;

    if (s[0] == '0' && (s[1] | 0x20) == 'x')
        s += 2;
    for (; *s; s++, digits++) {
        int d = hex_digit((u8)*s);

        if (d < 0 || (v >> 28))
            return 0;
        v = v << 4 | (u32)d;
    }
    *value = v;
    return digits > 0;
}

int split_words(char *line, char **words, int max)
{
    int n = 0;

    while (n < max) {
        while (*line == ' ' || *line == '\t')
            line++;
        if (!*line)
            break;
        words[n++] = line;
        while (*line && *line != ' ' && *line != '\t')
            line++;
        if (*line)
            *line++ = 0;
    }
    return n;
}
