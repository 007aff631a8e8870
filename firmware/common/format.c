/* printf's formats, without floating point. */
#include "lib.h"

struct spec {
    int left, width;
    char fill;
};

static int put_padded(put_fn *put, void *state, const struct spec *spec, const char *text, int n)
{
    int pad = spec->width > n ? spec->width - n : 0, total = n + pad;
    int i = 0;

    /* a sign stays in front of filling zeros */
    if (spec->fill == '0' && n && text[0] == '-')
        put(state, text[i++]);
    if (!spec->left)
        for (; pad; pad--)
            put(state, spec->fill);
    for (; i < n; i++)
        put(state, text[i]);
    for (; pad; pad--)
        put(state, ' ');
    return total;
}

static int put_number(put_fn *put, void *state, const struct spec *spec, unsigned long v, int negative,
                      unsigned base, const char *digits)
{
    char text[24];
    int at = sizeof text;

    do {
        text[--at] = digits[v % base];
        v /= base;
    } while (v);
    if (negative)
        text[--at] = '-';
    return put_padded(put, state, spec, text + at, (int)sizeof text - at);
}

int vformat(put_fn *put, void *state, const char *text, va_list args)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int count = 0;

    for (; *text; text++) {
        struct spec spec = {.fill = ' '};
        int wide = 0;
        long sv;
        unsigned long uv;
        unsigned base;
        const char *s;
        char c;

        if (*text != '%') {
            put(state, *text);
            count++;
            continue;
        }
        for (text++; *text == '-' || *text == '0'; text++)
            if (*text == '-')
                spec.left = 1;
            else
                spec.fill = '0';
        if (*text == '*') {
            spec.width = va_arg(args, int);
            text++;
        }
        for (; *text >= '0' && *text <= '9'; text++)
            spec.width = spec.width * 10 + *text - '0';
        for (; *text == 'l' || *text == 'h'; text++)
            wide |= *text == 'l';
        if (spec.left)
            spec.fill = ' ';
        switch (*text) {
        case 'd':
        case 'i':
            sv = wide ? va_arg(args, long) : va_arg(args, int);
            uv = sv < 0 ? 0ul - (unsigned long)sv : (unsigned long)sv;
            count += put_number(put, state, &spec, uv, sv < 0, 10, lower);
            break;
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            uv = wide ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            base = *text == 'u' ? 10 : *text == 'o' ? 8 : 16;
            count += put_number(put, state, &spec, uv, 0, base, *text == 'X' ? upper : lower);
            break;
        case 'p':
            count += put_number(put, state, &spec, (unsigned long)va_arg(args, void *), 0, 16, lower);
            break;
        case 'c':
            c = (char)va_arg(args, int);
            count += put_padded(put, state, &spec, &c, 1);
            break;
        case 's':
            s = va_arg(args, const char *);
            if (!s)
                s = "(null)";
            count += put_padded(put, state, &spec, s, (int)strlen(s));
            break;
        case 0:
            return count;
        default: /* %% and what this printf does not know show as themselves */
            put(state, *text);
            count++;
        }
    }
    return count;
}

struct string_sink {
    char *to;
    size_t left;
};

static void put_string(void *state, char c)
{
    struct string_sink *sink = state;

    if (sink->left > 1) {
        *sink->to++ = c;
        sink->left--;
    }
}

int vformat_string(char *to, size_t size, const char *text, va_list args)
{
    struct string_sink sink = {to, size};
    int n = vformat(put_string, &sink, text, args);

    if (size)
        *sink.to = 0;
    return n;
}

int format_string(char *to, size_t size, const char *text, ...)
{
    va_list args;

    va_start(args, text);
    int n = vformat_string(to, size, text, args);
    va_end(args);
    return n;
}
