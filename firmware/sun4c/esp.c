/* The NCR 53C90 behind an LSI 64854, polled (NCR's data manual; NetBSD sparc/dev/{espreg,dmareg}.h). Data goes through
 * a buffer of ours in DVMA space, so that the caller's may be anywhere. */
#include "console.h"
#include "disk.h"
#include "mmu.h"
#include "patience.h"
#include "trap.h"

enum { COUNT_LOW, COUNT_HIGH, FIFO, COMMAND, STATUS, INTERRUPT, STEP, FIFO_FLAGS, CONFIG1, CLOCK };
enum { DESTINATION = STATUS, TIME_OUT = INTERRUPT, SYNC_OFFSET = FIFO_FLAGS };
enum {
    NOTHING = 0x00,
    FLUSH = 0x01,
    RESET_CHIP = 0x02,
    RESET_BUS = 0x03,
    TRANSFER = 0x10,
    COMPLETE = 0x11,
    ACCEPT = 0x12,
    SELECT = 0x41,
    WITH_DMA = 0x80
};
enum { HAS_INTERRUPT = 0x80, PHASE = 7, DISCONNECTED = 0x20 };
enum { DATA_OUT, DATA_IN, IN_COMMAND, IN_STATUS };
enum { OUR_ID = 7, NO_RESET_INTERRUPT = 0x40, CLOCK_FACTOR = 4, SELECT_TIME_OUT = 0x99 /* 250 ms at 20 MHz */ };
enum { DMA_TO_MEMORY = 0x100, DMA_ENABLE = 0x200, DMA_RESET = 0x80, DMA_DRAIN = 0x40, DMA_INVALIDATE = 0x20 };
enum { COMMAND_TIME = 30000 /* ms */, SETTLE = 1000 };

static volatile u32 *const chip = (u32 *)VA_ESP; /* a byte in each word's first */
static volatile u32 *const dma = (u32 *)VA_DMA;

static u32 get(u32 n)
{
    return *(volatile u8 *)&chip[n];
}

static void put(u32 n, u32 value)
{
    *(volatile u8 *)&chip[n] = (u8)value;
}

static void configure(void)
{
    put(COMMAND, RESET_CHIP);
    put(COMMAND, NOTHING);
    put(CONFIG1, OUR_ID | NO_RESET_INTERRUPT);
    put(CLOCK, CLOCK_FACTOR);
    put(TIME_OUT, SELECT_TIME_OUT);
    put(SYNC_OFFSET, 0);
    dma[0] = DMA_RESET;
    dma[0] = 0;
}

void esp_start(void)
{
    control_put8(CONTROL_ENABLE, control_get8(CONTROL_ENABLE) | ENABLE_DVMA);
    mmu_map(VA_ESP_MEMORY, PTE_TYPE_MEMORY, memory_own + ETHER_MEMORY, ESP_BUFFER_SIZE);
    configure();
    put(COMMAND, RESET_BUS);
    for (u32 i = 0; i < SETTLE; i++)
        (void)get(STATUS);
    (void)get(INTERRUPT);
}

/* Waits for an interrupt and clears it: the status in the low byte, the cause in the next; -1 if none comes. */
static int wait(void)
{
    struct patience patience = {0, 0};
    u32 status;

    while (!((status = get(STATUS)) & HAS_INTERRUPT))
        if (!clock_wait(&patience, COMMAND_TIME))
            return -1;
    return (int)(status | get(INTERRUPT) << 8);
}

static int move_data(u32 length, int sending)
{
    put(COUNT_LOW, length & 0xFF);
    put(COUNT_HIGH, length >> 8);
    put(COMMAND, NOTHING | WITH_DMA);
    dma[0] = DMA_INVALIDATE;
    dma[1] = VA_ESP_MEMORY;
    dma[0] = DMA_ENABLE | (sending ? 0 : DMA_TO_MEMORY);
    put(COMMAND, TRANSFER | WITH_DMA);
    int now = wait();
    dma[0] = DMA_DRAIN;
    dma[0] = 0;
    return now;
}

int esp_perform(u32 target, const u8 *command, u32 size, u32 length, int sending)
{
    int now, result = ESP_BROKEN;

    put(COMMAND, FLUSH);
    for (u32 i = 0; i < size; i++)
        put(FIFO, command[i]);
    put(DESTINATION, target);
    put(COMMAND, SELECT);
    now = wait();
    if (now >= 0 && (now >> 8 & DISCONNECTED))
        return ESP_NO_TARGET;
    while (now >= 0 && !(now >> 8 & DISCONNECTED)) {
        u32 phase = (u32)now & PHASE;

        if ((phase == DATA_IN && !sending && length) || (phase == DATA_OUT && sending && length)) {
            now = move_data(length, sending);
            length = 0;
        } else if (phase == IN_STATUS) {
            put(COMMAND, FLUSH);
            put(COMMAND, COMPLETE);
            if (wait() < 0)
                break;
            result = (int)(get(FIFO) & 0x1E);
            (void)get(FIFO); /* the message, command complete */
            put(COMMAND, ACCEPT);
            now = wait();
        } else
            break;
    }
    if (result == ESP_BROKEN) {
        printf("esp0: phase error, status %x\n", (u32)now);
        esp_start();
    }
    return result;
}
