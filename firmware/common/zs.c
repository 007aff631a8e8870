/* Zilog Z8530 SCC, asynchronous (Zilog's manual; wiring of Sun-3 and sun4c: NetBSD sun3/dev/zs.c,
 * sparc/dev/zs.c). */
#include "zs.h"
#include "machine.h"

enum { CLOCK = 4915200, CHANNEL_A = 4 };
enum { RR0_RX = 0x01, RR0_TX_EMPTY = 0x04, RR0_BREAK = 0x80 };
enum {
    WR0_RESET_STATUS = 0x10,
    WR0_RESET_IUS = 0x38,
    WR1_RX_ALL = 0x10,
    WR1_STATUS = 0x01,
    WR4_8N1_X16 = 0x44,
    WR3_RX8 = 0xC0,
    WR3_ENABLE = 0x01,
    WR5_TX8_DTR_RTS = 0xE2,
    WR5_ENABLE = 0x08,
    WR9_RESET_A = 0x80,
    WR9_RESET_B = 0x40,
    WR9_NO_VECTOR = 0x02,
    WR9_MASTER = 0x08,
    WR11_BRG = 0x50,
    WR14_PCLK = 0x02,
    WR14_BRG = 0x01,
    WR15_BREAK = 0x80
};
enum { BREAK_WAIT = 100000 };

static struct channel {
    volatile u8 *control, *data;
} console;

/* 1 between the two halves of a register write: the NMI must not touch the chip then. */
static volatile int selecting;

static struct channel channel_of(enum serial_port port)
{
    u8 *control = (u8 *)(size_t)machine_serial + (port == PORT_A ? CHANNEL_A : 0);

    return (struct channel){control, control + 2};
}

static void put_register(const struct channel *ch, int n, u32 value)
{
    selecting = 1;
    *ch->control = (u8)n;
    *ch->control = (u8)value;
    selecting = 0;
}

static u32 get_register(const struct channel *ch, int n)
{
    selecting = 1;
    *ch->control = (u8)n;
    u32 value = *ch->control;
    selecting = 0;
    return value;
}

/* Register 0 needs no selection. */
static u32 status(const struct channel *ch)
{
    return *ch->control;
}

static void reset(const struct channel *ch, enum serial_port port)
{
    (void)status(ch); /* the register pointer is 0 now, whatever it was */
    put_register(ch, 9, WR9_NO_VECTOR | (port == PORT_A ? WR9_RESET_A : WR9_RESET_B));
}

const char *zs_test(enum serial_port port)
{
    static const u8 patterns[] = {0x00, 0x55, 0xAA, 0xFF};
    struct channel ch = channel_of(port);
    u32 value;

    if (!machine_read((u32)(size_t)ch.control, 1, &value))
        return "does not answer";
    reset(&ch, port);
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        put_register(&ch, 12, patterns[i]);
        put_register(&ch, 13, (u8)~patterns[i]);
        if (get_register(&ch, 12) != patterns[i] || get_register(&ch, 13) != (u8)~patterns[i])
            return "time constant register does not keep its value";
    }
    if (!(status(&ch) & RR0_TX_EMPTY))
        return "transmitter is not empty after reset";
    return 0;
}

void zs_open(enum serial_port port, u32 baud)
{
    u32 constant = (CLOCK / 32 + baud / 2) / baud - 2;
    u32 value;

    console = channel_of(port);
    if (!machine_read((u32)(size_t)console.control, 1, &value)) {
        console.control = 0;
        return;
    }
    reset(&console, port);
    put_register(&console, 4, WR4_8N1_X16);
    put_register(&console, 3, WR3_RX8);
    put_register(&console, 5, WR5_TX8_DTR_RTS);
    put_register(&console, 11, WR11_BRG);
    put_register(&console, 12, constant & 0xFF);
    put_register(&console, 13, constant >> 8);
    put_register(&console, 14, WR14_PCLK);
    put_register(&console, 14, WR14_PCLK | WR14_BRG);
    put_register(&console, 5, WR5_TX8_DTR_RTS | WR5_ENABLE);
    put_register(&console, 15, WR15_BREAK);
    *console.control = WR0_RESET_STATUS;
    *console.control = WR0_RESET_STATUS;
    put_register(&console, 1, WR1_RX_ALL | WR1_STATUS);
    zs_disarm();
}

void zs_listen(void)
{
    if (console.control)
        put_register(&console, 3, WR3_RX8 | WR3_ENABLE);
}

void zs_put(int c)
{
    if (!console.control)
        return;
    while (!(status(&console) & RR0_TX_EMPTY))
        continue;
    *console.data = (u8)c;
}

int zs_get(void)
{
    if (!console.control || !(status(&console) & RR0_RX))
        return -1;
    return *console.data;
}

int zs_break(void)
{
    u32 wait = BREAK_WAIT;

    if (!console.control || selecting || !(status(&console) & RR0_BREAK))
        return 0;
    do
        *console.control = WR0_RESET_STATUS;
    while ((status(&console) & RR0_BREAK) && --wait);
    while (status(&console) & RR0_RX) /* the null that a break ends with */
        (void)*console.data;
    return 1;
}

void zs_arm(void)
{
    if (console.control)
        put_register(&console, 9, WR9_MASTER | WR9_NO_VECTOR);
}

void zs_disarm(void)
{
    if (console.control) {
        *console.control = WR0_RESET_IUS; /* the acknowledge cycle has set it, vector or not */
        put_register(&console, 9, WR9_NO_VECTOR);
    }
}
