/* Console output and edited input. */
#include "console.h"
#include "host.h"
#include "machine.h"

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, CTRL_W = 23, DELETE = 127 };

static struct {
    int host_fd;
    int used;
    char pending[256];
} out;

void console_to_host(int fd)
{
    console_flush();
    out.host_fd = fd;
}

int console_is_host(void)
{
    return out.host_fd != 0;
}

void console_flush(void)
{
    if (out.used)
        host_write(out.host_fd, out.pending, (u32)out.used);
    out.used = 0;
}

void console_put(int c)
{
    if (out.host_fd) {
        out.pending[out.used++] = (char)c;
        if (c == '\n' || out.used == (int)sizeof out.pending)
            console_flush();
        return;
    }
    if (c == '\n')
        machine_put('\r');
    machine_put(c);
}

int console_get(void)
{
    int c;

    while ((c = machine_get()) < 0)
        machine_idle();
    return c;
}

static void put_one(void *state, char c)
{
    (void)state;
    console_put((u8)c);
}

int vprintf(const char *text, va_list args)
{
    return vformat(put_one, 0, text, args);
}

int printf(const char *text, ...)
{
    va_list args;

    va_start(args, text);
    int n = vprintf(text, args);
    va_end(args);
    return n;
}

static int erase(int n, int echo)
{
    if (echo)
        printf("\b \b");
    return n - 1;
}

int console_line(char *line, int size, int echo)
{
    int n = 0;

    for (;;) {
        int c = console_get() & 0x7F;

        switch (c) {
        case '\r':
        case '\n':
            if (echo)
                console_put('\n');
            line[n] = 0;
            return n;
        case CTRL_D:
            if (n)
                break;
            /* fall through */
        case CTRL_C:
            if (echo)
                printf("^%c\n", c + '@');
            line[0] = 0;
            return -1;
        case BACKSPACE:
        case DELETE:
            if (n)
                n = erase(n, echo);
            break;
        case CTRL_W:
            while (n && line[n - 1] == ' ')
                n = erase(n, echo);
            while (n && line[n - 1] != ' ')
                n = erase(n, echo);
            break;
        case CTRL_U:
            while (n)
                n = erase(n, echo);
            break;
        default:
            if (c == '\t')
                c = ' ';
            if (c < ' ' || n >= size - 1)
                break;
            line[n++] = (char)c;
            if (echo)
                console_put(c);
        }
    }
}
