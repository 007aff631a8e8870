/* Booting over the network as Sun's PROMs do: RARP (RFC 903) for the address, TFTP (RFC 1350) of the file
 * that has the address for a name, in hexadecimal. ARP requests for us are answered meanwhile. */
#include "console.h"
#include "ether.h"
#include "machine.h"
#include "patience.h"

enum { TYPE_IP = 0x0800, TYPE_ARP = 0x0806, TYPE_RARP = 0x8035 };
enum { ARP_REQUEST = 1, ARP_REPLY, RARP_REQUEST, RARP_REPLY, ARP_SIZE = 28 };
enum { IP_HEADER = 20, UDP_HEADER = 8, UDP = 17, LIFETIME = 64, FRAGMENT = 0x3FFF };
enum { TFTP_PORT = 69, FIRST_PORT = 0x4000, BLOCK = 512 };
enum { READ = 1, DATA = 3, ACK, ERROR, NOT_FOUND = 1 /* error */ };
enum { CONTROL_C = 3, POLLS = 64, IDLE_AFTER = 32 /* times POLLS */ };
enum { IP_SIZE = 4, NOTHING_CAME = 0, CAME = 1, INTERRUPTED = -1 };
enum { AT_IP = ETHER_HEADER, AT_UDP = AT_IP + IP_HEADER, AT_TFTP = AT_UDP + UDP_HEADER };

struct host {
    u8 mac[ETHER_ADDRESS], ip[IP_SIZE];
};

static const struct ether_chip *chip;
static struct host us, server;
static u32 our_port, server_port;
static const u8 everybody[ETHER_ADDRESS] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* Seconds to wait for an answer before asking again. */
static const u32 pauses[] = {1, 2, 4, 8};

static u32 get16(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

static void put16(u8 *p, u32 value)
{
    p[0] = (u8)(value >> 8);
    p[1] = (u8)value;
}

static void header(const u8 *to, u32 type)
{
    memcpy(chip->out, to, ETHER_ADDRESS);
    memcpy(chip->out + ETHER_ADDRESS, us.mac, ETHER_ADDRESS);
    put16(chip->out + 2 * ETHER_ADDRESS, type);
}

static int send(u32 n)
{
    if (n < ETHER_SHORTEST)
        memset(chip->out + n, 0, ETHER_SHORTEST - n);
    return chip->send(n < ETHER_SHORTEST ? ETHER_SHORTEST : n);
}

/* --- ARP and RARP, whose packets are alike */
static int send_arp(const u8 *to, u32 type, u32 operation, const struct host *target)
{
    static const u8 kind[] = {0, 1, TYPE_IP >> 8, TYPE_IP & 0xFF, ETHER_ADDRESS, IP_SIZE};
    u8 *p = chip->out + ETHER_HEADER;

    header(to, type);
    memcpy(p, kind, sizeof kind);
    put16(p + 6, operation);
    memcpy(p + 8, &us, sizeof us);
    memcpy(p + 18, target, sizeof *target);
    return send(ETHER_HEADER + ARP_SIZE);
}

static int is_arp(const u8 *frame, u32 n, u32 type, u32 operation)
{
    return n >= ETHER_HEADER + ARP_SIZE && get16(frame + 2 * ETHER_ADDRESS) == type &&
           get16(frame + ETHER_HEADER + 6) == operation;
}

static int is_our_address(const u8 *frame, u32 n)
{
    const u8 *p = frame + ETHER_HEADER;

    if (!is_arp(frame, n, TYPE_RARP, RARP_REPLY) || memcmp(p + 18, us.mac, ETHER_ADDRESS))
        return 0;
    memcpy(us.ip, p + 24, IP_SIZE);
    memcpy(&server, p + 8, sizeof server);
    return 1;
}

static void answer_arp(const u8 *frame, u32 n)
{
    const u8 *p = frame + ETHER_HEADER;
    struct host who;

    if (!is_arp(frame, n, TYPE_ARP, ARP_REQUEST) || memcmp(p + 24, us.ip, IP_SIZE))
        return;
    memcpy(&who, p + 8, sizeof who);
    send_arp(who.mac, TYPE_ARP, ARP_REPLY, &who);
}

/* --- IP and UDP */
static u32 sum(u32 total, const u8 *p, u32 n)
{
    for (; n > 1; n -= 2, p += 2)
        total += get16(p);
    if (n)
        total += (u32)p[0] << 8;
    while (total >> 16)
        total = (total & 0xFFFF) + (total >> 16);
    return total;
}

/* Sends n bytes that stand at AT_TFTP. */
static int send_udp(const struct host *to, u32 port, u32 n)
{
    u8 *ip = chip->out + AT_IP, *udp = chip->out + AT_UDP;

    header(to->mac, TYPE_IP);
    memset(ip, 0, IP_HEADER + UDP_HEADER);
    ip[0] = 0x45;
    put16(ip + 2, IP_HEADER + UDP_HEADER + n);
    ip[8] = LIFETIME;
    ip[9] = UDP;
    memcpy(ip + 12, us.ip, IP_SIZE);
    memcpy(ip + 16, to->ip, IP_SIZE);
    put16(ip + 10, ~sum(0, ip, IP_HEADER));
    put16(udp, our_port);
    put16(udp + 2, port);
    put16(udp + 4, UDP_HEADER + n); /* no checksum, as in a PROM */
    return send(AT_TFTP + n);
}

/* A sound datagram for our port: its data, and their size. */
static const u8 *open_udp(const u8 *frame, u32 n, u32 *size)
{
    const u8 *ip = frame + AT_IP;

    if (n < AT_TFTP || get16(frame + 2 * ETHER_ADDRESS) != TYPE_IP || ip[0] >> 4 != 4)
        return 0;
    u32 header_size = (ip[0] & 15) * 4u, total = get16(ip + 2);
    if (header_size < IP_HEADER || total < header_size + UDP_HEADER || total > n - AT_IP)
        return 0;
    if (sum(0, ip, header_size) != 0xFFFF || (get16(ip + 6) & FRAGMENT) || ip[9] != UDP)
        return 0;
    const u8 *udp = ip + header_size;
    u32 length = get16(udp + 4);
    if (memcmp(ip + 16, us.ip, IP_SIZE) || get16(udp + 2) != our_port || length < UDP_HEADER ||
        length > total - header_size)
        return 0;
    if (get16(udp + 6) && sum(sum(UDP + length, ip + 12, 2 * IP_SIZE), udp, length) != 0xFFFF)
        return 0;
    *size = length - UDP_HEADER;
    return udp + UDP_HEADER;
}

/* --- waiting */
static int receive(u32 seconds, int (*wanted)(const u8 *frame, u32 n))
{
    struct patience patience = {0, 0};
    const u8 *frame;

    for (u32 polls = 0;; polls++) {
        u32 n = chip->poll(&frame);

        if (n) {
            int came = wanted(frame, n);
            if (!came)
                answer_arp(frame, n);
            chip->release();
            if (came)
                return CAME;
        }
        if (!clock_wait(&patience, seconds * 1000))
            return NOTHING_CAME;
        if (polls % POLLS)
            continue;
        if (machine_get() == CONTROL_C) {
            printf("\nInterrupted\n");
            return INTERRUPTED;
        }
        if (polls >= IDLE_AFTER * POLLS)
            machine_idle();
    }
}

static int ask_for_address(void)
{
    const u8 *m = us.mac;

    memset(us.ip, 0, IP_SIZE);
    for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
        if (i == 1)
            printf("Requesting Internet address for %x:%x:%x:%x:%x:%x\n", m[0], m[1], m[2], m[3], m[4], m[5]);
        if (send_arp(everybody, TYPE_RARP, RARP_REQUEST, &us))
            return -1;
        int came = receive(pauses[i], is_our_address);
        if (came)
            return came == CAME ? 0 : -1;
    }
    printf("%s0: no RARP reply: no server on this network knows this machine\n", chip->name);
    return -1;
}

/* --- TFTP */
static struct {
    u8 *to;
    const u8 *end;
    u32 block; /* the last one that came in turn */
    u32 size, attempt;
    int done, missing;
    const char *failed;
} transfer;

static void print_error(const u8 *text, u32 n)
{
    printf("tftp: ");
    for (u32 i = 0; i < n && text[i]; i++)
        printf("%c", text[i] >= ' ' && text[i] < 0x7F ? text[i] : '?');
    printf("\n");
}

static int is_from_server(const u8 *frame)
{
    if (!transfer.block) { /* whoever answers, if we asked everybody */
        memcpy(server.mac, frame + ETHER_ADDRESS, ETHER_ADDRESS);
        memcpy(server.ip, frame + AT_IP + 12, IP_SIZE);
        return 1;
    }
    return !memcmp(server.ip, frame + AT_IP + 12, IP_SIZE);
}

static int store(const u8 *data, u32 n)
{
    if (n > BLOCK || n > (u32)(transfer.end - transfer.to) - transfer.size) {
        transfer.failed = "the file does not fit into memory";
        return 1;
    }
    memcpy(transfer.to + transfer.size, data, n);
    transfer.size += n;
    transfer.block++;
    transfer.done = n < BLOCK;
    return 1;
}

/* The next block, or an end. Old blocks are not acknowledged again but by a time-out: no sorcerer's
 * apprentices. */
static int is_next(const u8 *frame, u32 n)
{
    u32 size;
    const u8 *data = open_udp(frame, n, &size);

    if (!data || size < 4 || !is_from_server(frame))
        return 0;
    u32 port = get16(frame + AT_IP + (frame[AT_IP] & 15) * 4u);
    if (transfer.block && port != server_port)
        return 0;
    server_port = port;
    if (get16(data) == ERROR) {
        transfer.missing = get16(data + 2) == NOT_FOUND;
        if (!transfer.missing)
            print_error(data + 4, size - 4);
        transfer.failed = transfer.missing ? "" : "the server refuses";
        return 1;
    }
    if (get16(data) != DATA || get16(data + 2) != ((transfer.block + 1) & 0xFFFF))
        return 0;
    return store(data + 4, size - 4);
}

static int send_request(const char *name)
{
    u8 *p = chip->out + AT_TFTP;
    struct host all;
    u32 n = strlen(name) + 1;

    memset(&all, 0xFF, sizeof all);
    put16(p, READ);
    memcpy(p + 2, name, n);
    memcpy(p + 2 + n, "octet", sizeof "octet");
    return send_udp(transfer.attempt < 2 ? &server : &all, TFTP_PORT, 2 + n + sizeof "octet");
}

static int send_acknowledgement(void)
{
    u8 *p = chip->out + AT_TFTP;

    put16(p, ACK);
    put16(p + 2, transfer.block);
    return send_udp(&server, server_port, 4);
}

/* 0 when all of it is there. */
static int fetch(const char *name)
{
    transfer.block = transfer.size = transfer.attempt = 0;
    transfer.done = transfer.missing = 0;
    transfer.failed = 0;
    our_port = FIRST_PORT + (our_port + 1) % FIRST_PORT;
    while (!transfer.done) {
        if (transfer.block ? send_acknowledgement() : send_request(name))
            return -1;
        int came = receive(pauses[transfer.attempt], is_next);
        if (came == INTERRUPTED)
            return -1;
        transfer.attempt = came ? 0 : transfer.attempt + 1;
        if (transfer.attempt == ARRAY_SIZE(pauses))
            transfer.failed = "time-out";
        if (transfer.failed) {
            if (!transfer.missing)
                printf("tftp: %s\n", transfer.failed);
            return -1;
        }
    }
    return send_acknowledgement();
}

static u32 ip_word(const u8 *ip)
{
    return get16(ip) << 16 | get16(ip + 2);
}

static void say_host(const char *what, const u8 *ip)
{
    printf("%s %u.%u.%u.%u = %08X\n", what, ip[0], ip[1], ip[2], ip[3], ip_word(ip));
}

int netboot(const struct ether_chip *with, u8 *to, const u8 *end)
{
    char name[16];

    chip = with;
    memcpy(us.mac, ether_address(), ETHER_ADDRESS);
    transfer.to = to;
    transfer.end = end;
    if (ask_for_address())
        return -1;
    say_host("Using IP Address", us.ip);
    say_host("Booting from tftp server at", server.ip);
    format_string(name, sizeof name, "%08X", ip_word(us.ip));
    int failed = fetch(name);
    if (failed && transfer.missing) {
        strcopy(name + 8, NETBOOT_SUFFIX, sizeof name - 8);
        failed = fetch(name);
    }
    if (failed) {
        if (transfer.missing)
            printf("tftp: the server has no file %08X or %s\n", ip_word(us.ip), name);
        return -1;
    }
    printf("Downloaded %u bytes from tftp server.\n", transfer.size);
    return (int)transfer.size;
}
