/* Bootinfo: records of a tag, a size and data (Linux, arch/m68k/include/uapi/asm/bootinfo.h). */
#include "kernel.h"

enum { BI_LAST = 0, BI_COMMAND_LINE = 7, COMMAND_LINE_MAX = 255 };

struct record {
    u16 tag, size;
    char data[];
};

void kernel_prepare(const struct program *program, u32 argc, const char *const *argv)
{
    struct record *record = (struct record *)(size_t)program->end;
    size_t length = 0;

    for (u32 i = 1; i < argc; i++) {
        if (length && length < COMMAND_LINE_MAX)
            record->data[length++] = ' ';
        length += strcopy(record->data + length, argv[i], COMMAND_LINE_MAX + 1 - length);
    }
    if (length) {
        record->data[length] = 0;
        record->tag = BI_COMMAND_LINE;
        record->size = (u16)(sizeof *record + ((length + 4) & ~3u));
        record = (struct record *)((char *)record + record->size);
    }
    record->tag = BI_LAST;
}
