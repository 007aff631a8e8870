/* What Sun's boot programs see of a Sun-3's ROM: its vector, and the driver that loaded them
 * (NetBSD sun3/include/mon.h, sun68k/stand/libsa/saio.h). A program includes it once and has a `main`. */
typedef unsigned int u32;
typedef unsigned char u8;

#define ROM_VECTOR 0x0FEF0000
#define ROMVEC(offset, type) (*(__typeof__(type) *)(ROM_VECTOR + (offset)))

enum { BLOCK = 512, READ = 1, WRITE = 2 };

struct interface { /* of an Ethernet driver */
    int (*send)(void *data, const u8 *frame, int n);
    int (*poll)(void *data, u8 *frame);
    int (*reset)(void *data, void *request);
    int (*address)(u8 *to);
};

struct request {
    u8 flags;
    const struct table *table;
    void *data;
    int controller, unit, first;
    int cylinder, offset, block;
    u8 *memory;
    int count;
    const struct interface *interface;
    void *unused[2];
};

struct table {
    char name[2];
    int (*probe)(void);
    int (*boot)(const void *parameters);
    int (*open)(struct request *r);
    int (*close)(struct request *r);
    int (*strategy)(struct request *r, int what);
    const char *description;
    const u32 *resources;
};

struct parameters {
    const char *argv[8];
    char strings[100];
    char name[2];
    int controller, unit, part;
    const char *file;
    const struct table *table;
} __attribute__((packed));

typedef int printf_fn(const char *text, ...);

__asm__(".section .text.start\n"
        "start: jmp main\n"
        ".text\n");

void *memset(void *to, int byte, __SIZE_TYPE__ n); /* the compiler calls it */
void *memset(void *to, int byte, __SIZE_TYPE__ n)
{
    for (u8 *p = to; n--; p++)
        *p = (u8)byte;
    return to;
}
