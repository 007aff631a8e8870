/* What firmware/common/abi.h says of Linux on SPARC, and what Linux's own headers say. It is compiled, not run. */
#define stat32 our_stat32
#define stat64 our_stat64
#define TCGETS our_TCGETS
#define TCSETS our_TCSETS
#define TCSETSF our_TCSETSF
#define TIOCGWINSZ our_TIOCGWINSZ
#include "abi.h"
#undef stat64
#undef TCGETS
#undef TCSETS
#undef TCSETSF
#undef TIOCGWINSZ
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/resource.h>
#include <asm/stat.h>
#include <asm/termbits.h>

struct winsize {
    u16 numbers[4];
};

#define SAME(a, b) _Static_assert((u32)(a) == (u32)(b), #a)
#define FIELD(theirs, ours, name, our_name) SAME(offsetof(struct theirs, st_##name), offsetof(struct ours, our_name))

SAME(sizeof(struct stat), sizeof(struct our_stat32));
FIELD(stat, our_stat32, ino, ino);
FIELD(stat, our_stat32, mode, mode);
FIELD(stat, our_stat32, nlink, nlink);
FIELD(stat, our_stat32, rdev, rdev);
FIELD(stat, our_stat32, size, size);
FIELD(stat, our_stat32, mtime, modified);
FIELD(stat, our_stat32, blksize, block_size);
FIELD(stat, our_stat32, blocks, blocks);
SAME(sizeof(struct stat64), sizeof(struct our_stat64));
FIELD(stat64, our_stat64, ino, ino);
FIELD(stat64, our_stat64, mode, mode);
FIELD(stat64, our_stat64, gid, gid);
FIELD(stat64, our_stat64, rdev, rdev);
FIELD(stat64, our_stat64, size, size);
FIELD(stat64, our_stat64, blksize, block_size);
FIELD(stat64, our_stat64, blocks, blocks);
FIELD(stat64, our_stat64, ctime_nsec, changed_ns);
SAME(TCGETS, our_TCGETS);
SAME(TCSETS, our_TCSETS);
SAME(TCSETSF, our_TCSETSF);
SAME(TIOCGWINSZ, our_TIOCGWINSZ);
SAME(sizeof(struct termios), 4 * 4 + 1 + TERMIOS_CONTROLS + 2);
SAME(RLIMIT_NOFILE, LIMIT_NOFILE);
SAME(RLIM_INFINITY, ABI_UNLIMITED);
SAME(O_CREAT | O_EXCL | O_TRUNC | O_APPEND, 0x200 | 0x800 | 0x400 | 0x8);
