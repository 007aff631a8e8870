/* Boot devices as foreign boot programs see them through the boot parameters: NetBSD sun3/include/mon.h, and
 * what Sun's boot programs do with it. */
#ifndef FW_DRIVERS_H
#define FW_DRIVERS_H

#include "boot.h"

/* A request of a boot program; its compiler, like ours, aligns to 16 bits. */
struct io_request {
    u8 flags;
    const struct driver *driver;
    void *data;
    u32 controller, unit;
    u32 first_block; /* partition or tape file when it is opened; then the partition's first block */
    u32 cylinder_offset, offset;
    u32 block;
    void *memory;
    u32 count;
    void *interface, *device_address, *dma_address;
};
_Static_assert(offsetof(struct io_request, driver) == 2 && sizeof(struct io_request) == 54, "Sun's layout");

/* What a boot program has to provide for a driver. */
struct resources {
    u32 device_bytes, dma_bytes, local_bytes, addresses;
    const u32 *address;
    u32 space, largest;
};

struct driver {
    char name[2];
    int (*probe)(void); /* a controller's number, or -1 */
    int (*boot)(const void *parameters);
    int (*open)(struct io_request *r);  /* 0 or -1 */
    int (*close)(struct io_request *r);
    int (*strategy)(struct io_request *r, int what); /* bytes moved, or -1; at a tape's file mark 0 */
    const char *description;
    const struct resources *resources; /* none: our drivers map what they need themselves */
};
_Static_assert(sizeof(struct driver) == 30, "Sun's layout");

enum { IO_READ = 1, IO_WRITE = 2, BLOCK = 512 };

extern const struct driver disk_driver, tape_driver, ie_driver, le_driver;

/* A boot program asks for another boot, with the parameters of this one: the address to go to, or -1. */
int boot_again(const void *parameters);

/* b sd(c,u,p)FILE, b st(c,u,f), b ie(), b le() */
void boot_disk(const struct boot_request *request, u32 argc, const char *const *argv);
void boot_tape(const struct boot_request *request, u32 argc, const char *const *argv);
void boot_ie(const struct boot_request *request, u32 argc, const char *const *argv);
void boot_le(const struct boot_request *request, u32 argc, const char *const *argv);

#endif
