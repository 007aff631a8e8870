/* A boot program from the network, loaded at 0x4000: shows its boot parameters, then asks for its address by
 * RARP itself, through the ROM's driver. */
#include "bootprog.h"

enum { SIZE = 60, POLLS = 100000 };

static void put(u8 *to, const u8 *from, int n)
{
    while (n--)
        *to++ = *from++;
}

static u8 question[SIZE], answer[2048];

static void ask(const struct request *r, printf_fn *print)
{
    static const u8 rarp[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    u8 *us = question + 6;
    int n = 0, length;

    memset(question, 0xFF, 6);
    r->interface->address(us);
    put(question + 12, rarp, sizeof rarp);
    put(question + 22, us, 6);
    put(question + 32, us, 6);
    print("send %d", r->interface->send(r->data, question, 42));
    while (!(length = r->interface->poll(r->data, answer)) && n++ < POLLS)
        ;
    print(" answer %d type %x%x op %d", length, answer[12], answer[13], answer[21]);
    print(" address %d.%d.%d.%d\n", answer[38], answer[39], answer[40], answer[41]);
}

int main(void)
{
    printf_fn *print = ROMVEC(0x84, printf_fn *);
    const struct parameters *p = *ROMVEC(0x0C, struct parameters **);
    struct request r = {.table = p->table, .controller = p->controller, .unit = p->unit, .first = p->part};
    struct request other = {.table = p->table, .controller = 3};

    print("%c%c %x %x %x [%s] [%s] [%s]\n", p->name[0], p->name[1], p->controller, p->unit, p->part,
          p->argv[0], p->argv[1] ? p->argv[1] : "-", p->file);
    print("needs %d probe %d\n", p->table->resources[0] | p->table->resources[1], p->table->probe());
    print("open %d\n", p->table->open(&r));
    for (int i = 0; i < 6; i++) /* round the rings */
        ask(&r, print);
    print("reset %d\n", r.interface->reset(r.data, &r));
    ask(&r, print);
    print("giant %d", r.interface->send(r.data, question, 1515));
    print(" strategy %d close %d\n", p->table->strategy(&r, 1), p->table->close(&r));
    print("other %d\n", p->table->open(&other));
    return 0;
}
