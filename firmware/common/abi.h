/* Where Linux differs from processor to processor: numbers, layouts and the beginning of a process.
 * Sources: <asm/{errno,fcntl,ioctls,resource,stat,termbits}.h> of each architecture; a.out of SunOS. */
#ifndef FW_ABI_H
#define FW_ABI_H

#include "lib.h"

#if defined(__mc68000__)
#define ABI_PLATFORM "m68k"
#define ABI_MACHINE "m68k"
#define ABI_DEMO_SUFFIX ".elf"
#define ABI_LINK_HINT "link it with -Wl,-Ttext-segment=0x10000"
enum {
    CALL_PAGE = 0x2000,
    ELF_MACHINE = 4,
    ELF_MACHINE_TOO = 4,
    ELF_FLAGS_REFUSED = 0,
    AOUT_MACHINES = 7, /* a bit for each type: 0 old Sun-2, 1 68010, 2 68020 */
    AOUT_PAGE = 0x2000,
    AOUT_SEGMENT = 0x20000,
    ENTRY_ALIGNMENT = 2,
    STACK_HEAD = 0, /* bytes between the stack pointer and argc */
    LIMIT_NOFILE = 7
};
enum { TCGETS = 0x5401, TCSETS, TCSETSF = 0x5404, TIOCGWINSZ = 0x5413, TERMIOS_CONTROLS = 19 };
#define ABI_CONTROLS 3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22
#define ABI_UNLIMITED ~0u

struct stat32 {
    u16 dev, pad1;
    u32 ino;
    u16 mode, nlink, uid, gid, rdev, pad2;
    u32 size, block_size, blocks;
    u32 accessed, pad3, modified, pad4, changed, pad5, pad6, pad7;
} __attribute__((packed));

struct stat64 {
    u64 dev;
    u16 pad1;
    u32 old_ino, mode, nlink, uid, gid;
    u64 rdev;
    u16 pad2;
    u64 size;
    u32 block_size;
    u64 blocks;
    u32 accessed, accessed_ns, modified, modified_ns, changed, changed_ns;
    u64 ino;
} __attribute__((packed));

_Static_assert(sizeof(struct stat32) == 64 && sizeof(struct stat64) == 92, "layouts of Linux");

/* The host boot device speaks with the numbers that m68k shares with most of Linux. */
static inline u32 abi_open_flags(u32 flags)
{
    return flags;
}

#elif defined(__sparc__)
#define ABI_PLATFORM "v7"
#define ABI_MACHINE "sparc"
#define ABI_DEMO_SUFFIX "-sparc.elf"
#define ABI_LINK_HINT "link it with -Wl,-Ttext-segment=0x10000"
enum {
    CALL_PAGE = 0x1000,
    ELF_MACHINE = 2,
    ELF_MACHINE_TOO = 18,      /* EM_SPARC32PLUS: what Debian's linker calls V7 and V8 code too */
    ELF_FLAGS_REFUSED = 0xA00, /* compiled for UltraSPARC I or III */
    AOUT_MACHINES = 1 << 3,
    AOUT_PAGE = 0x2000,
    AOUT_SEGMENT = 0x2000,
    ENTRY_ALIGNMENT = 4,
    STACK_HEAD = 64, /* a register window */
    LIMIT_NOFILE = 6
};
enum { TCGETS = 0x40245408, TCSETS = 0x80245409, TCSETSF = 0x8024540B, TIOCGWINSZ = 0x40087468 };
enum { TERMIOS_CONTROLS = 17 };
#define ABI_CONTROLS 3, 28, 127, 21, 4, 0, 0, 0, 17, 19, 26, 25, 18, 15, 23, 22
#define ABI_UNLIMITED 0x7FFFFFFFu

struct stat32 {
    u16 dev;
    u32 ino;
    u16 mode, nlink, uid, gid, rdev;
    u32 size, accessed, accessed_ns, modified, modified_ns, changed, changed_ns, block_size, blocks;
    u32 pad[2];
};

struct stat64 {
    u64 dev, ino;
    u32 mode, nlink, uid, gid;
    u64 rdev, pad1, size;
    u32 block_size, pad2[2], blocks;
    u32 accessed, accessed_ns, modified, modified_ns, changed, changed_ns, pad3[2];
};

_Static_assert(sizeof(struct stat32) == 64 && sizeof(struct stat64) == 104, "layouts of Linux");

static inline u32 abi_open_flags(u32 flags)
{
    static const struct {
        u32 own, other;
    } table[] = {{0x200, 0100}, {0x800, 0200}, {0x400, 01000}, {0x8, 02000}, {0x10000, 040000}};
    u32 out = flags & 3;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (flags & table[i].own)
            out |= table[i].other;
    return out;
}
#else
#error "nothing is known of this processor"
#endif

#endif
