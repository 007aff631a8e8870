/* ELF: System V ABI and its processor supplements. a.out: SunOS <a.out.h> as NetBSD's exec_aout has it. */
#include "load.h"
#include "abi.h"

enum {
    ET_EXEC = 2,
    PT_LOAD = 1,
    PT_INTERP = 3,
    EHDR = 52,
    PHDR = 32,
    MAX_HEADERS = 16
};
enum { OMAGIC = 0407, NMAGIC = 0410, ZMAGIC = 0413, AOUT_HEADER = 32 };

struct loader {
    struct source *source;
    struct memory_range allowed, kernels;
    struct program *program;
    char *error;
    size_t error_size;
};

static int fail(struct loader *l, const char *text, ...)
{
    va_list args;

    va_start(args, text);
    vformat_string(l->error, l->error_size, text, args);
    va_end(args);
    return -1;
}

static u32 be32(const u8 *p)
{
    return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static u32 be16(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

static int load_part(struct loader *l, u32 address, u32 offset, u32 in_file, u32 in_memory)
{
    if (in_file > in_memory || address + in_memory < address)
        return fail(l, "segment at 0x%x: sizes make no sense (file 0x%x, memory 0x%x)", address, in_file,
                    in_memory);
    if (l->program->kind == PROGRAM_KERNEL) {
        address -= l->kernels.start;
        u32 cut = address < l->allowed.start ? l->allowed.start - address : 0;
        if (cut > in_file)
            cut = in_file;
        address += cut; /* the ELF header, which kernels are linked behind */
        offset += cut;
        in_file -= cut;
        in_memory -= cut;
    }
    u32 end = address + in_memory;
    u8 *to = (u8 *)(size_t)address;

    if (address < l->allowed.start || end > l->allowed.end)
        return fail(l,
                    "it occupies 0x%x-0x%x; programs may use 0x%x-0x%x"
                    " (" ABI_LINK_HINT ", or add memory)",
                    address, end, l->allowed.start, l->allowed.end);
    if (offset > l->source->size || in_file > l->source->size - offset)
        return fail(l, "the file is cut short (0x%x bytes; 0x%x needed)", l->source->size, offset + in_file);
    int error = l->source->read(l->source, offset, to, in_file);
    if (error)
        return fail(l, "read error %d at offset 0x%x", error, offset);
    memset(to + in_file, 0, in_memory - in_file);
    if (address < l->program->start)
        l->program->start = address;
    if (end > l->program->end)
        l->program->end = end;
    return 0;
}

static int load_elf(struct loader *l, const u8 *header)
{
    u8 table[MAX_HEADERS * PHDR];
    u32 offset = be32(header + 28), count = be16(header + 44);

    if (header[4] != 1 || header[5] != 2)
        return fail(l, "ELF, but not 32-bit big-endian");
    if (be16(header + 18) != ELF_MACHINE && be16(header + 18) != ELF_MACHINE_TOO)
        return fail(l, "ELF for machine %u, not " ABI_MACHINE " (%u)", be16(header + 18), ELF_MACHINE);
    if (be32(header + 36) & ELF_FLAGS_REFUSED)
        return fail(l, "compiled for a later " ABI_MACHINE " (ELF flags 0x%x): this processor lacks instructions",
                    be32(header + 36));
    if (be16(header + 16) != ET_EXEC)
        return fail(l, "ELF of type %u, not an executable with fixed addresses (link with -static -no-pie)",
                    be16(header + 16));
    if (be16(header + 42) != PHDR || !count || count > MAX_HEADERS)
        return fail(l, "ELF with %u program headers of %u bytes", count, be16(header + 42));
    if (offset > l->source->size || count * PHDR > l->source->size - offset ||
        l->source->read(l->source, offset, table, count * PHDR))
        return fail(l, "ELF program headers cannot be read");
    for (u32 i = 0; i < count; i++)
        if (be32(table + i * PHDR) == PT_INTERP)
            return fail(l, "dynamically linked; link it with -static");
    u32 entry = be32(header + 24);
    l->program->kind = entry >= l->kernels.start && entry < l->kernels.end ? PROGRAM_KERNEL : PROGRAM_USER;
    for (u32 i = 0; i < count; i++) {
        const u8 *p = table + i * PHDR;
        u32 from = be32(p + 4), address = be32(p + 8), in_file = be32(p + 16), in_memory = be32(p + 20);

        if (be32(p) != PT_LOAD || !in_memory)
            continue;
        if (load_part(l, address, from, in_file, in_memory))
            return -1;
        if (offset >= from && offset + count * PHDR <= from + in_file) {
            l->program->headers = address + offset - from;
            l->program->header_count = count;
        }
    }
    l->program->entry = l->program->kind == PROGRAM_KERNEL ? entry - l->kernels.start : entry;
    return 0;
}

static int load_aout(struct loader *l, const u8 *header)
{
    u32 magic = be16(header + 2), machine = header[1] & 0x7F;
    u32 text = be32(header + 4), data = be32(header + 8), bss = be32(header + 12), entry = be32(header + 20);
    u32 address = entry, offset = AOUT_HEADER;

    if (machine > 31 || !(AOUT_MACHINES >> machine & 1))
        return fail(l, "a.out for machine type %u, not " ABI_MACHINE, machine);
    if (magic == ZMAGIC) { /* the header is the beginning of the first text page */
        address = entry & ~(u32)(AOUT_PAGE - 1);
        offset = 0;
    }
    u32 text_end = address + text;
    u32 data_at = magic == OMAGIC ? text_end : (text_end + AOUT_SEGMENT - 1) & ~(u32)(AOUT_SEGMENT - 1);
    if (load_part(l, address, offset, text, text) || load_part(l, data_at, offset + text, data, data + bss))
        return -1;
    l->program->kind = PROGRAM_STANDALONE;
    l->program->entry = entry;
    return 0;
}

int load_program(struct source *source, struct memory_range allowed, struct program *program, char *error,
                 size_t size)
{
    struct loader l = {source, allowed, machine_kernel_memory(), program, error, size};
    u8 header[EHDR];

    memset(program, 0, sizeof *program);
    memset(header, 0, sizeof header);
    program->start = allowed.end;
    u32 n = source->size < EHDR ? source->size : EHDR;
    int failed = source->read(source, 0, header, n);
    if (failed)
        return fail(&l, "read error %d", failed);
    u32 magic = be16(header + 2);
    if (be32(header) == ELF_MAGIC && n == EHDR)
        failed = load_elf(&l, header);
    else if ((magic == OMAGIC || magic == NMAGIC || magic == ZMAGIC) && n >= AOUT_HEADER)
        failed = load_aout(&l, header);
    else
        return fail(&l, "neither an ELF nor an a.out program");
    if (failed)
        return -1;
    if (program->start >= program->end)
        return fail(&l, "there is nothing in it to load");
    if (program->entry < program->start || program->entry >= program->end || program->entry % ENTRY_ALIGNMENT)
        return fail(&l, "entry point 0x%x is not in the program (0x%x-0x%x)", program->entry, program->start,
                    program->end);
    return 0;
}
