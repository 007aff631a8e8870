/* A boot program that writes its disk for ever by the ROM's driver: block FIRST + n is filled with bytes n, and
 * what is written is said. Structures as in tests/firmware/bootblock.c. */
typedef unsigned char u8;

#define ROM_VECTOR 0x0FEF0000
#define ROMVEC(offset, type) (*(__typeof__(type) *)(ROM_VECTOR + (offset)))

enum { BLOCK = 512, WRITE = 2, FIRST = 64, BUFFER = 0x60000 };

struct request {
    u8 flags;
    const struct table *table;
    void *data;
    int controller, unit, first;
    int cylinder, offset, block;
    u8 *memory;
    int count;
    void *unused[3];
};

struct table {
    char name[2];
    int (*probe)(void);
    int (*boot)(const void *parameters);
    int (*open)(struct request *r);
    int (*close)(struct request *r);
    int (*strategy)(struct request *r, int what);
};

struct parameters {
    const char *argv[8];
    char strings[100];
    char name[2];
    int controller, unit, part;
    const char *file;
    const struct table *table;
} __attribute__((packed));

__asm__(".section .text.start\n"
        "start: jmp main\n"
        ".text\n");

int main(void)
{
    int (*print)(const char *text, ...) = ROMVEC(0x84, int (*)(const char *, ...));
    const struct parameters *p = *ROMVEC(0x0C, struct parameters **);
    static struct request r;

    r.table = p->table;
    r.controller = p->controller;
    r.unit = p->unit;
    p->table->open(&r);
    r.memory = (u8 *)BUFFER;
    for (int n = 0;; n++) {
        for (int i = 0; i < BLOCK; i++)
            r.memory[i] = (u8)n;
        r.block = FIRST + n;
        r.count = BLOCK;
        if (p->table->strategy(&r, WRITE) != BLOCK)
            break;
        print("wrote %d\n", n);
    }
    return 0;
}
