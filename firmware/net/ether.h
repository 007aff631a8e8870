/* Ethernet: what booting (netboot.c) and boot programs (ether.c) ask of a chip, and what each answers. */
#ifndef FW_ETHER_H
#define FW_ETHER_H

#include "lib.h"
#include "board.h"

enum { ETHER_ADDRESS = 6, ETHER_HEADER = 14, ETHER_SHORTEST = 60, ETHER_LARGEST = 1514 };
enum { ETHER_BUFFER = 1520, ETHER_FRAMES = 4 /* received ones in memory */ };

/* The chips reach the upper 16 MB of the address space; VA_ETHER_MEMORY in it is theirs. */
#define ETHER_DMA(p) ((u32)(size_t)(p) & 0x00FFFFFF)

struct ether_chip {
    char name[3];
    u8 *out; /* where the next frame to be sent is put together */
    int (*probe)(void);
    int (*start)(const u8 *address);   /* receives from now on; 0, or -1 after saying why not */
    void (*stop)(void);
    int (*send)(u32 n);                /* the n bytes in out; 0, or -1 after saying what failed */
    u32 (*poll)(const u8 **frame);     /* a frame's size and place, or 0 */
    void (*release)(void);             /* done with that frame */
};
extern const struct ether_chip ether_ie, ether_le;

/* The machine's: maps the chips' memory and starts one (0 or -1); its Ethernet address. */
int ether_start(const struct ether_chip *chip);
const u8 *ether_address(void);

/* Finds this machine's Internet address by RARP, and loads the file of that name by TFTP. Its size, or -1
 * after saying what failed. */
int netboot(const struct ether_chip *chip, u8 *to, const u8 *end);

#endif
