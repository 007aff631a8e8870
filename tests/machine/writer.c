/* A boot program that writes its disk for ever by the ROM's driver: block FIRST + n is filled with bytes n, and
 * what is written is said. */
#include "../firmware/bootprog.h"

enum { FIRST = 64, BUFFER = 0x60000 };

int main(void)
{
    printf_fn *print = ROMVEC(0x84, printf_fn *);
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
