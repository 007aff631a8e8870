/* SCSI: what the drivers of disks and tapes ask for (scsi.c), and what each board provides (scsi_*.c). */
#ifndef FW_SCSI_H
#define FW_SCSI_H

#include "lib.h"

enum { SCSI_GOOD = 0, SCSI_CHECK = 2, SCSI_BUSY = 8 };
enum { SCSI_NO_TARGET = -1, SCSI_BROKEN = -2, SCSI_BUS_ERROR = -3 };
enum { SCSI_LARGEST = 0xFC00 }; /* bytes of one command: the sc board counts to 0xFFFF, sectors are 512 */

/* Phases as MSG, C/D, I/O; the bits of the target command register of a 5380. */
enum { DATA_OUT, DATA_IN, COMMAND, STATUS, MESSAGE_OUT = 6, MESSAGE_IN, BUS_FREE = 8, NO_REQUEST = 9 };

struct scsi_board {
    const char *name;
    u32 dma_base; /* virtual address that its DMA address 0 leads to */
    int (*probe)(u32 base);
    void (*reset)(u32 base);
    /* Before the selection: where data will go to or come from. */
    void (*prepare)(u32 base, u32 dma_address, u32 n, int sending);
    int (*select)(u32 base, u32 target); /* 0: nobody answered */
    u32 (*phase)(u32 base);              /* the phase that is asked for, or BUS_FREE, or NO_REQUEST for now */
    void (*put)(u32 base, u32 phase, u32 byte);
    u32 (*get)(u32 base, u32 phase);
    /* In a data phase: moves what was prepared. Bytes that are left, or SCSI_BUS_ERROR. */
    int (*transfer)(u32 base, u32 phase, u32 n);
};
extern const struct scsi_board scsi_sc, scsi_si_vme, scsi_si_onboard;

/* Finds controller n (0: on board, else the first VME address); null if there is none. */
const struct scsi_board *scsi_open(u32 controller);

struct scsi_request {
    u32 target, unit;
    const u8 *command; /* 6 or 10 bytes; the unit goes into its second */
    void *data;
    u32 length;
    int sending;
    u32 moved; /* out: bytes of data that were transferred */
};
/* One command of the controller that was opened last. Its status, or SCSI_NO_TARGET, ... */
int scsi_perform(struct scsi_request *request);

#endif
