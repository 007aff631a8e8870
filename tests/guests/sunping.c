/* ping for SunOS 4, as the installation media have none: ping A B C D COUNT SIZE, the address as four numbers.
 * A program of the kernel's own: no library, system calls by trap #0 with their number on the stack (SunOS's
 * <sys/syscall.h>), sockets as in 4.3BSD. */

enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_select = 93, SYS_socket = 97, SYS_sendto = 133 };
enum { AF_INET = 2, SOCK_RAW = 3, ICMP = 1, ECHO = 8, ECHO_REPLY = 0, HEADER = 8 };

struct address {
    short family;
    unsigned short port;
    unsigned char ip[4];
    char zero[8];
};

__asm__(".section .text.start\n"
        "_start: .globl _start\n"
        "    move.l %sp,%a0\n"
        "    move.l (%a0)+,%d0\n"
        "    move.l %a0,-(%sp)\n"
        "    move.l %d0,-(%sp)\n"
        "    jsr main\n"
        "    move.l %d0,-(%sp)\n"
        "    clr.l -(%sp)\n" /* where a caller's return address would be */
        "    pea 1\n"
        "    trap #0\n"
        ".text\n"
        "sys: .globl sys\n" /* sys(number, arguments...): the number goes, the return address is made room for */
        "    move.l 4(%sp),%d0\n"
        "    move.l (%sp)+,saved\n" /* the arguments begin behind what is now a return address: the number */
        "    move.l %d0,-(%sp)\n"
        "    trap #0\n" /* the kernel takes the number off */
        "    bcc 1f\n"
        "    neg.l %d0\n"
        "1:  move.l saved,-(%sp)\n"
        "    rts\n");

static int saved __attribute__((used));
int sys(int number, ...);

static unsigned char packet[9000];

static int length(const char *text)
{
    int n = 0;
    while (text[n])
        n++;
    return n;
}

static void print(const char *text)
{
    sys(SYS_write, 1, text, length(text));
}

static void number(int value)
{
    char digits[12], *p = digits + 11;
    *p = 0;
    do
        *--p = '0' + value % 10;
    while (value /= 10);
    print(p);
}

static int parse(const char *text)
{
    int value = 0;
    while (*text)
        value = value * 10 + *text++ - '0';
    return value;
}

static unsigned short sum(const unsigned char *data, int size)
{
    unsigned long total = 0;
    for (int at = 0; at < size; at += 2)
        total += data[at] << 8 | (at + 1 < size ? data[at + 1] : 0);
    while (total >> 16)
        total = (total & 0xFFFF) + (total >> 16);
    return ~total;
}

/* Wait a second for the answer; nonzero when it came whole. */
static int answered(int fd, int seq, int size)
{
    for (;;) {
        static unsigned long ready[8];
        static long second[2] = {1, 0};
        ready[0] = 1UL << fd;
        if (sys(SYS_select, fd + 1, ready, 0, 0, second) <= 0)
            return 0;
        int got = sys(SYS_read, fd, packet, sizeof packet);
        if (got < 0)
            return 0;
        unsigned char *icmp = packet + (packet[0] & 15) * 4;
        if (got == size + HEADER + 20 && icmp[0] == ECHO_REPLY && icmp[7] == seq && !sum(icmp, size + HEADER))
            return 1;
    }
}

int main(int argc, char **argv)
{
    static struct address to = {AF_INET};
    int fd = sys(SYS_socket, AF_INET, SOCK_RAW, ICMP), count = parse(argv[5]), size = parse(argv[6]), came = 0;
    if (argc != 7 || fd < 0)
        return 2;
    for (int at = 0; at < 4; at++)
        to.ip[at] = parse(argv[at + 1]);
    for (int seq = 0; seq < count; seq++) {
        for (int at = 0; at < size + HEADER; at++)
            packet[at] = at < HEADER ? 0 : at + seq;
        packet[0] = ECHO;
        packet[7] = seq;
        unsigned short total = sum(packet, size + HEADER);
        packet[2] = total >> 8;
        packet[3] = total;
        int sent = sys(SYS_sendto, fd, packet, size + HEADER, 0, &to, sizeof to);
        if (sent < 0) {
            print("error ");
            number(-sent);
            print("\n");
        }
        came += sent > 0 && answered(fd, seq, size);
    }
    number(count);
    print(" sent, ");
    number(came);
    print(" came back\n");
    return came != count;
}
