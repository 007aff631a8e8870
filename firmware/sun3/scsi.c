/* SCSI commands: selection, phases, and memory for DMA. */
#include "scsi.h"
#include "clock.h"
#include "machine.h"
#include "mmu.h"
#include "sun3.h"
#include "trap.h"

enum { WINDOW_PAGES = 16, COMMAND_TIME = 300000 /* a tape may rewind */ };

static struct {
    const struct scsi_board *board;
    u32 base;
} open_board;

static const struct {
    const struct scsi_board *board;
    u32 physical, type, controller;
} places[] = {
    {&scsi_si_onboard, OBIO_SCSI, PTE_TYPE_OBIO, 0},
    {&scsi_sc, VME_SCSI, PTE_TYPE_VME16, 0},
    {&scsi_si_vme, VME_SCSI, PTE_TYPE_VME16, 0},
    {&scsi_sc, VME_SCSI + VME_SCSI_STEP, PTE_TYPE_VME16, 1},
    {&scsi_si_vme, VME_SCSI + VME_SCSI_STEP, PTE_TYPE_VME16, 1},
};

const struct scsi_board *scsi_open(u32 controller)
{
    u32 flags = PTE_VALID | PTE_WRITE | PTE_SYSTEM | PTE_NO_CACHE;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (places[i].controller != controller)
            continue;
        mmu_set_pte(VA_BOARD, flags | places[i].type | (places[i].physical >> PAGE_SHIFT & PTE_PAGE_MASK));
        open_board.board = places[i].board;
        open_board.base = VA_BOARD;
        if (open_board.board->probe(VA_BOARD)) {
            open_board.board->reset(VA_BOARD);
            return open_board.board;
        }
    }
    open_board.board = 0;
    return 0;
}

/* The pages of a buffer, wherever the caller has them, seen through the window that a board's DMA reaches.
 * The maps are the caller's again afterwards. */
struct window {
    u32 pmeg, pages, ptes[WINDOW_PAGES];
    u8 enable;
};

static int open_window(struct window *w, u32 address, u32 n)
{
    u32 first = address & ~(u32)(PAGE_SIZE - 1);

    w->pages = n ? (address + n - first + PAGE_SIZE - 1) >> PAGE_SHIFT : 0;
    if (w->pages > WINDOW_PAGES)
        return 0;
    w->enable = (u8)control_get8(CONTROL_ENABLE);
    control_put8(CONTROL_ENABLE, w->enable | ENABLE_DVMA);
    w->pmeg = mmu_get_segment(VA_DVMA);
    u32 source[WINDOW_PAGES];
    for (u32 i = 0; i < w->pages; i++)
        source[i] = mmu_get_pte(first + i * PAGE_SIZE);
    mmu_set_segment(VA_DVMA, DVMA_PMEG);
    for (u32 i = 0; i < w->pages; i++) {
        w->ptes[i] = mmu_get_pte(VA_DVMA + i * PAGE_SIZE);
        mmu_set_pte(VA_DVMA + i * PAGE_SIZE, source[i]);
    }
    return 1;
}

static void close_window(const struct window *w)
{
    for (u32 i = 0; i < w->pages; i++)
        mmu_set_pte(VA_DVMA + i * PAGE_SIZE, w->ptes[i]);
    mmu_set_segment(VA_DVMA, w->pmeg);
    control_put8(CONTROL_ENABLE, w->enable);
}

static u32 next_phase(void)
{
    struct patience patience = {0, 0};
    u32 phase;

    while ((phase = open_board.board->phase(open_board.base)) == NO_REQUEST)
        if (!clock_wait(&patience, COMMAND_TIME))
            return BUS_FREE;
    return phase;
}

/* All phases of a command, from selection to the last message. */
static int converse(struct scsi_request *r)
{
    const struct scsi_board *board = open_board.board;
    u32 base = open_board.base, sent = 0, byte, size = r->command[0] < 0x20 ? 6 : 10;
    int status = SCSI_BROKEN, left;

    if (!board->select(base, r->target))
        return SCSI_NO_TARGET;
    for (;;) {
        u32 phase = next_phase();

        switch (phase) {
        case COMMAND:
            byte = sent < size ? r->command[sent] : 0;
            board->put(base, phase, sent++ == 1 ? byte | r->unit << 5 : byte);
            break;
        case DATA_IN:
        case DATA_OUT:
            if (r->length - r->moved && (phase == DATA_OUT) == r->sending) {
                left = board->transfer(base, phase, r->length);
                if (left < 0)
                    return left;
                if ((u32)left < r->length) {
                    r->moved = r->length - (u32)left;
                    break;
                }
            }
            if (phase == DATA_IN) /* more than was asked for */
                board->get(base, phase);
            else
                board->put(base, phase, 0);
            break;
        case STATUS:
            status = (int)(board->get(base, phase) & 0x1E);
            break;
        case MESSAGE_IN:
            board->get(base, phase); /* command complete, or one that needs no answer */
            break;
        case BUS_FREE:
            return status;
        default:
            return SCSI_BROKEN;
        }
    }
}

int scsi_perform(struct scsi_request *request)
{
    struct window window;
    u32 address = (u32)request->data;

    request->moved = 0;
    if (!open_board.board || !open_window(&window, address, request->length))
        return SCSI_BROKEN;
    u32 dma = VA_DVMA - open_board.board->dma_base + (address & (PAGE_SIZE - 1));
    open_board.board->prepare(open_board.base, dma, request->length, request->sending);
    int status = converse(request);
    close_window(&window);
    if (status == SCSI_BROKEN || status == SCSI_BUS_ERROR)
        open_board.board->reset(open_board.base);
    return status;
}
