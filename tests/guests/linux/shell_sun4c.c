/* The first process of Linux on a Sun-4/75: a shell of eight commands. No C library is compiled for SPARC V7 any
 * more, so it makes its system calls itself (SPARC Linux: number in %g1, `ta 0x10`, carry for an error). */
enum {
    EXIT = 1, READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, WAITPID = 7, DUP = 41, REBOOT = 88, FSYNC = 95,
    MOUNT = 167, SOCKETCALL = 206, IOCTL = 54,
};
enum { RDWR = 2, BLOCK = 512, BLOCKS = 256 };

static long call(long number, long a, long b, long c, long d, long e)
{
    register long g1 __asm__("g1") = number;
    register long o0 __asm__("o0") = a;
    register long o1 __asm__("o1") = b;
    register long o2 __asm__("o2") = c;
    register long o3 __asm__("o3") = d;
    register long o4 __asm__("o4") = e;

    __asm__ volatile("ta 0x10; bcs,a 1f; sub %%g0, %0, %0; 1:"
                     : "+r"(o0), "+r"(g1), "+r"(o1)
                     : "r"(o2), "r"(o3), "r"(o4)
                     : "memory", "cc", "o5", "o7", "g2", "g3", "g4");
    return o0;
}

/* The child's number, 0 in the child: there %o1 is 1. */
static long fork_(void)
{
    register long g1 __asm__("g1") = 2;
    register long o0 __asm__("o0") = 0;
    register long o1 __asm__("o1") = 0;

    __asm__ volatile("ta 0x10"
                     : "+r"(g1), "+r"(o0), "+r"(o1)::"memory", "cc", "o2", "o3", "o4", "o5", "o7", "g2", "g3", "g4");
    return o1 ? 0 : o0;
}

/* The compiler calls these. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n);
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
    for (unsigned char *p = to; n--; p++, from = (const char *)from + 1)
        *p = *(const unsigned char *)from;
    return to;
}

void *memset(void *to, int byte, __SIZE_TYPE__ n);
void *memset(void *to, int byte, __SIZE_TYPE__ n)
{
    for (unsigned char *p = to; n--; p++)
        *p = (unsigned char)byte;
    return to;
}

static unsigned char page[8192];

static int length(const char *s)
{
    int n = 0;

    while (s[n])
        n++;
    return n;
}

static int starts(const char *s, const char *with)
{
    while (*with)
        if (*s++ != *with++)
            return 0;
    return 1;
}

static void put(const char *s)
{
    call(WRITE, 1, (long)s, length(s), 0, 0);
}

static void put_number(long n)
{
    char text[12];
    int i = 11;

    text[i] = 0;
    if (n < 0) {
        put("-");
        n = -n;
    }
    do
        text[--i] = '0' + n % 10;
    while (n /= 10);
    put(text + i);
}

static void say(const char *what, long n)
{
    put(what);
    put_number(n);
    put("\n");
}

static void cat(const char *name)
{
    long file = call(OPEN, (long)name, 0, 0, 0, 0), n;

    while (file >= 0 && (n = call(READ, file, (long)page, sizeof page, 0, 0)) > 0)
        call(WRITE, 1, (long)page, n, 0, 0);
    if (file < 0)
        say("cannot open: ", file);
    else
        call(CLOSE, file, 0, 0, 0, 0);
}

static int fib(int n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void fork_and_wait(void)
{
    int status = 0;

    if (fork_() == 0) {
        put("the child\n");
        call(EXIT, 3, 0, 0, 0, 0);
    }
    call(WAITPID, -1, (long)&status, 0, 0, 0);
    say("its status is ", status >> 8);
}

/* Blocks of a disk, each filled with its number: written, or read and compared. */
static void disk(const char *name, int write)
{
    long file = call(OPEN, (long)name, RDWR, 0, 0, 0), right = 0;

    for (int block = 0; file >= 0 && block < BLOCKS; block++) {
        if (write)
            for (int i = 0; i < BLOCK; i++)
                page[i] = (unsigned char)(block + i);
        if (call(write ? WRITE : READ, file, (long)page, BLOCK, 0, 0) != BLOCK)
            break;
        int i = 0;
        while (i < BLOCK && page[i] == (unsigned char)(block + i))
            i++;
        right += i == BLOCK;
    }
    call(FSYNC, file, 0, 0, 0, 0);
    call(CLOSE, file, 0, 0, 0, 0);
    say("blocks: ", file < 0 ? file : right);
}

struct interface {
    char name[16];
    union {
        struct {
            unsigned short family, port;
            unsigned int address;
            char zero[8];
        } in;
        short flags;
        char room[16];
    } u;
};

static long socket_call(int which, long a, long b, long c, long d, long e, long f)
{
    long words[6] = {a, b, c, d, e, f};

    return call(SOCKETCALL, which, (long)words, 0, 0, 0);
}

/* eth0 gets an address, then one echo to 10.0.2.2, where user-mode networks have their gateway. */
static void ping(void)
{
    struct interface eth0 = {"eth0", {{2, 0, 0x0A00020F, ""}}};
    struct interface to = {"", {{2, 0, 0x0A000202, ""}}};
    unsigned short echo[32] = {0x0800, 0, 0x1234, 1};
    unsigned int sum = 0;
    long s = socket_call(1, 2, 1, 0, 0, 0, 0); /* SPARC: SOCK_DGRAM is 1 */
    long n;

    call(IOCTL, s, 0x8916, (long)&eth0, 0, 0); /* SIOCSIFADDR */
    eth0.u.in.address = 0xFFFFFF00;
    call(IOCTL, s, 0x891C, (long)&eth0, 0, 0); /* SIOCSIFNETMASK */
    eth0.u.flags = 0x43;                       /* UP, BROADCAST, RUNNING */
    call(IOCTL, s, 0x8914, (long)&eth0, 0, 0); /* SIOCSIFFLAGS */
    call(CLOSE, s, 0, 0, 0, 0);
    s = socket_call(1, 2, 3, 1, 0, 0, 0); /* SOCK_RAW, ICMP */
    for (int i = 4; i < 32; i++)
        echo[i] = (unsigned short)(i * 257);
    for (int i = 0; i < 32; i++)
        sum += echo[i];
    sum = (sum & 0xFFFF) + (sum >> 16);
    echo[1] = (unsigned short)~((sum & 0xFFFF) + (sum >> 16));
    say("sent ", socket_call(11, s, (long)echo, sizeof echo, 0, (long)&to.u, 16)); /* sendto */
    n = socket_call(12, s, (long)page, sizeof page, 0, 0, 0);                      /* recvfrom */
    say("bytes back: ", n);
    say("type ", page[20]);
    call(CLOSE, s, 0, 0, 0, 0);
}

static void reboot(unsigned int how)
{
    call(REBOOT, (long)0xFEE1DEAD, 672274793, (long)how, 0, 0);
}

__attribute__((used)) static void shell(void)
{
    char line[256];

    for (int i = 0; i < 3; i++)
        if (i == 0)
            call(OPEN, (long)"/dev/console", RDWR, 0, 0, 0);
        else
            call(DUP, 0, 0, 0, 0, 0);
    call(MOUNT, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
    put("\ncat FILE, fib, fork, write DISK, check DISK, ping, halt, reboot\n");
    for (;;) {
        put("# ");
        long n = call(READ, 0, (long)line, sizeof line - 1, 0, 0);
        if (n <= 0)
            continue;
        line[n - (line[n - 1] == '\n')] = 0;
        if (starts(line, "cat "))
            cat(line + 4);
        else if (starts(line, "fib"))
            say("fib(24) is ", fib(24));
        else if (starts(line, "fork"))
            fork_and_wait();
        else if (starts(line, "write "))
            disk(line + 6, 1);
        else if (starts(line, "check "))
            disk(line + 6, 0);
        else if (starts(line, "ping"))
            ping();
        else if (starts(line, "halt"))
            reboot(0xCDEF0123);
        else if (starts(line, "reboot"))
            reboot(0x01234567);
        else if (*line)
            put("no such command\n");
    }
}

__asm__(".globl _start\n_start: mov 0, %fp\n sub %sp, 96, %sp\n call shell\n nop\n");
