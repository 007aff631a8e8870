/* A boot program on disk or tape, loaded at 0x4000: shows its boot parameters, calls the ROM's driver back. */
#include "bootprog.h"

enum { BUFFER = 0x61FF0 /* across a page's end */ };

static u32 sum(const u8 *p, int n)
{
    u32 total = 0;

    while (n-- > 0)
        total = total * 31 + *p++;
    return total;
}

static struct request request_for(const struct parameters *p, int first)
{
    return (struct request){.table = p->table, .controller = p->controller, .unit = p->unit, .first = first};
}

static int transfer(struct request *r, int block, int blocks, int what)
{
    r->block = block;
    r->memory = (u8 *)BUFFER;
    r->count = blocks * BLOCK;
    return r->table->strategy(r, what);
}

static void use_disk(const struct parameters *p, printf_fn *print)
{
    struct request r = request_for(p, p->part);
    u8 *at = (u8 *)BUFFER;

    print("open %d", p->table->open(&r));
    print(" first block %x\n", r.first);
    print("read %d", transfer(&r, 20, 40, READ));
    print(" sum %x\n", sum(at, 40 * BLOCK));
    for (int i = 0; i < 2 * BLOCK; i++)
        at[i] = (u8)(i * 7);
    print("write %d", transfer(&r, 60, 2, WRITE));
    at[0] = 1;
    print(" again %d", transfer(&r, 60, 2, READ));
    print(" byte %x\n", at[BLOCK]);
    print("large %d", transfer(&r, 20, 200, READ));
    print(" sum %x\n", sum(at, 200 * BLOCK));
    print("close %d\n", p->table->close(&r));
}

static void use_tape(const struct parameters *p, printf_fn *print)
{
    struct request r = request_for(p, 1);

    print("open %d\n", p->table->open(&r));
    for (int i = 0; i < 3; i++) {
        int n = transfer(&r, i, 3, READ);

        print("record %d sum %x\n", n, sum((u8 *)BUFFER, n));
    }
    print("close %d\n", p->table->close(&r));
}

int main(void)
{
    printf_fn *print = ROMVEC(0x84, printf_fn *);
    const struct parameters *p = *ROMVEC(0x0C, struct parameters **);
    struct request none = request_for(p, 0);

    print("%c%c %x %x %x [%s] [%s] [%s]\n", p->name[0], p->name[1], p->controller, p->unit, p->part,
          p->argv[0], p->argv[1] ? p->argv[1] : "-", p->file);
    if (p->name[1] == 'd')
        use_disk(p, print);
    else
        use_tape(p, print);
    none.unit = 16;
    print("nobody %d\n", p->table->open(&none));
    return 0;
}
