/* Booting from SCSI and from the network; disks and tapes for the boot programs that call back. */
#include "drivers.h"
#include "console.h"
#include "ether.h"
#include "machine.h"
#include "romvec.h"
#include "scsi.h"

enum { TEST_READY = 0x00, REWIND = 0x01, REQUEST_SENSE = 0x03, READ = 0x08, WRITE = 0x0A, SPACE = 0x11 };
enum { READ_10 = 0x28, WRITE_10 = 0x2A, FILE_MARKS = 1, FIXED_BLOCKS = 1, LAST_SHORT = 1 << 21 };
enum { SENSE_EXTENDED = 0x70, SENSE_FILE_MARK = 0x80, SENSE_SIZE = 16, READY_TRIES = 8, TAPE_TARGET = 4 };
enum { LABEL_MAGIC = 0xDABE, LABEL_HEADS = 436, LABEL_SECTORS = 438, LABEL_PARTITIONS = 444, LABEL_AT = 508 };

static int tape_at_mark; /* the last read met it behind other blocks: the next one says so */

static u8 sense[SENSE_SIZE];

static u32 target_of(const struct io_request *r, u32 first)
{
    return r->unit < 8 ? first + (first ? r->unit : 0) : r->unit >> 3 & 7;
}

/* Unit numbers count eight to a target: a small one is a logical unit of a disk, but another tape drive. */
static void aim(struct scsi_request *s, const struct io_request *r)
{
    int tape = r->driver == &tape_driver;

    s->target = target_of(r, tape ? TAPE_TARGET : 0);
    s->unit = tape && r->unit < 8 ? 0 : r->unit & 7;
}

static int command(const struct io_request *r, const u8 *bytes, void *data, u32 n, int sending, u32 *moved)
{
    struct scsi_request s = {.command = bytes, .data = data, .length = n, .sending = sending};

    aim(&s, r);
    int status = scsi_perform(&s);
    if (moved)
        *moved = s.moved;
    if (status == SCSI_CHECK) {
        static const u8 ask[6] = {REQUEST_SENSE, 0, 0, 0, SENSE_SIZE, 0};
        struct scsi_request q = {.command = ask, .data = sense, .length = SENSE_SIZE};

        memset(sense, 0, sizeof sense);
        aim(&q, r);
        if (scsi_perform(&q))
            return SCSI_BROKEN;
    }
    return status;
}

/* Until the unit has told all that happened before. */
static int make_ready(const struct io_request *r)
{
    static const u8 test[6] = {TEST_READY, 0, 0, 0, 0, 0};
    int status = 0;

    for (int i = 0; i < READY_TRIES; i++)
        if ((status = command(r, test, 0, 0, 0, 0)) == SCSI_GOOD || status == SCSI_NO_TARGET)
            break;
    return status;
}

static int open_unit(const struct io_request *r)
{
    const struct scsi_board *board = scsi_open(r->controller);

    if (!board) {
        printf("There is no SCSI board sc%x or si%x\n", r->controller, r->controller);
        return -1;
    }
    int status = make_ready(r);
    if (status == SCSI_NO_TARGET)
        printf("Device not found\n");
    else if (status)
        printf("%s%x: unit %x is not ready (sense %02x %02x %02x)\n", board->name, r->controller, r->unit,
               sense[0], sense[2], sense[8]);
    return status ? -1 : 0;
}

static int failed(const struct io_request *r, const char *what, int status)
{
    printf("%c%c(%x,%x): %s failed at block %x: ", r->driver->name[0], r->driver->name[1], r->controller,
           r->unit, what, r->block);
    if (status == SCSI_CHECK)
        printf("sense %02x %02x %02x\n", sense[0], sense[2], sense[8]);
    else if (status < 0)
        printf("%s\n", status == SCSI_NO_TARGET   ? "no answer"
                       : status == SCSI_BUS_ERROR ? "the board's DMA met a bus error"
                                                  : "the bus broke off");
    else
        printf("status %02x\n", (u32)status);
    return -1;
}

static int disk_transfer(struct io_request *r, u32 block, u8 *at, u32 n, int what)
{
    while (n) {
        u32 part = n < SCSI_LARGEST ? n : SCSI_LARGEST, blocks = part / BLOCK, moved;
        int write = what == IO_WRITE;
        u8 top = (u8)(block >> 24), high = (u8)(block >> 16), middle = (u8)(block >> 8), low = (u8)block;
        const u8 small[6] = {write ? WRITE : READ, high, middle, low, (u8)blocks, 0};
        const u8 large[10] = {write ? WRITE_10 : READ_10, 0, top, high, middle, low, 0, 0, (u8)blocks, 0};
        int status = command(r, block + blocks <= LAST_SHORT ? small : large, at, part, write, &moved);

        if (status == SCSI_CHECK) /* once more: the unit may have had news */
            status = command(r, block + blocks <= LAST_SHORT ? small : large, at, part, write, &moved);
        if (status || moved != part)
            return failed(r, write ? "writing" : "reading", status);
        block += blocks;
        at += part;
        n -= part;
    }
    return 0;
}

static u32 word(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

/* Sun's label (NetBSD sys/dev/sun/disklabel.h): magic number, check sum zero, partitions in cylinders. */
static int label_start(const u8 *label, u32 partition, u32 *block)
{
    u32 sum = 0;

    for (u32 i = 0; i < BLOCK; i += 2)
        sum ^= word(label + i);
    if (word(label + LABEL_AT) != LABEL_MAGIC || sum || partition > 7)
        return 0;
    const u8 *entry = label + LABEL_PARTITIONS + 8 * partition;
    *block = (word(entry) << 16 | word(entry + 2)) * word(label + LABEL_HEADS) * word(label + LABEL_SECTORS);
    return 1;
}

static int disk_open(struct io_request *r)
{
    static u8 label[BLOCK];

    r->driver = &disk_driver;
    r->block = 0;
    if (open_unit(r) || disk_transfer(r, 0, label, BLOCK, IO_READ))
        return -1;
    if (!label_start(label, r->first_block, &r->first_block)) {
        printf("No label found - attempting boot anyway.\n");
        r->first_block = 0;
    }
    return 0;
}

static int disk_close(struct io_request *r)
{
    (void)r;
    return 0;
}

static int disk_strategy(struct io_request *r, int what)
{
    u32 n = r->count & ~(u32)(BLOCK - 1);

    r->driver = &disk_driver;
    return disk_transfer(r, r->first_block + r->block, r->memory, n, what) ? -1 : (int)n;
}

static int tape_rewind(const struct io_request *r)
{
    static const u8 rewind[6] = {REWIND, 0, 0, 0, 0, 0};

    tape_at_mark = 0;
    return command(r, rewind, 0, 0, 0, 0);
}

static int tape_open(struct io_request *r)
{
    const u8 skip[6] = {SPACE, FILE_MARKS, 0, (u8)(r->first_block >> 8), (u8)r->first_block, 0};
    int status;

    r->driver = &tape_driver;
    r->block = 0;
    if (open_unit(r))
        return -1;
    if ((status = tape_rewind(r)))
        return failed(r, "rewinding", status);
    if (r->first_block && (status = command(r, skip, 0, 0, 0, 0)))
        return failed(r, "skipping files", status);
    return 0;
}

static int tape_close(struct io_request *r)
{
    r->driver = &tape_driver;
    return tape_rewind(r) ? -1 : 0;
}

static int tape_strategy(struct io_request *r, int what)
{
    u32 total = 0;

    r->driver = &tape_driver;
    if (what != IO_READ)
        return -1;
    if (tape_at_mark) {
        tape_at_mark = 0;
        return 0;
    }
    while (r->count - total >= BLOCK) {
        u32 left = (r->count - total) & ~(u32)(BLOCK - 1), moved;
        u32 part = left < SCSI_LARGEST ? left : SCSI_LARGEST;
        const u8 read[6] = {READ, FIXED_BLOCKS, 0, (u8)(part / BLOCK >> 8), (u8)(part / BLOCK), 0};
        int status = command(r, read, (u8 *)r->memory + total, part, 0, &moved);

        total += moved;
        if (status == SCSI_CHECK && (sense[0] & SENSE_EXTENDED) == SENSE_EXTENDED &&
            (sense[2] & SENSE_FILE_MARK)) {
            tape_at_mark = total != 0;
            break;
        }
        if (status)
            return failed(r, "reading", status);
    }
    return (int)total;
}

/* --- booting */
enum { LOAD_AT = 0x4000, TAPE_RECORD = 0x8000, BOOT_BLOCKS = 16, AOUT_HEADER = 32 };

static int load_from_disk(struct io_request *r)
{
    r->block = 1; /* behind the label */
    r->memory = (void *)LOAD_AT;
    r->count = (BOOT_BLOCKS - 1) * BLOCK;
    return disk_strategy(r, IO_READ);
}

static int load_from_tape(struct io_request *r)
{
    u32 total = 0;
    int n;

    do {
        r->memory = (void *)(LOAD_AT + total);
        r->count = TAPE_RECORD;
        n = tape_strategy(r, IO_READ);
        if (n < 0)
            return -1;
        total += (u32)n;
    } while (n);
    return tape_close(r) ? -1 : (int)total;
}

static int load_from_network(const struct ether_chip *chip)
{
    int n = netboot(chip, (u8 *)LOAD_AT, (const u8 *)(size_t)machine_program_memory().end);

    chip->stop(); /* it shall not write into the memory of what was loaded */
    return n;
}

static int has_header(void)
{
    u32 magic = *(const u16 *)(LOAD_AT + 2);

    return magic == 0407 || magic == 0410 || magic == 0413;
}

static int load(const struct driver *driver, u32 controller, u32 unit, u32 partition)
{
    struct io_request r = {
        .driver = driver, .controller = controller, .unit = unit, .first_block = partition};

    if (driver->open(&r))
        return -1;
    int n = r.interface                ? load_from_network(r.data)
            : driver == &tape_driver ? load_from_tape(&r)
                                     : load_from_disk(&r);
    if (!n)
        printf("There is nothing to boot there\n");
    return n > 0 ? n : -1;
}

/* The file at LOAD_AT, which is moved to the end of memory so that a program can be loaded out of it. */
static int read_image(struct source *source, u32 offset, void *to, u32 n)
{
    memcpy(to, (const u8 *)(size_t)(machine_program_memory().end - source->size) + offset, n);
    return 0;
}

static void start_image(const struct boot_request *request, u32 size, u32 argc, const char *const *argv)
{
    struct source source = {.read = read_image, .size = (size + 3) & ~3u};
    struct memory_range allowed = machine_program_memory();

    allowed.end -= source.size;
    memmove((void *)(size_t)allowed.end, (const void *)LOAD_AT, source.size);
    boot_program(&source, allowed, request, argc, argv);
}

static void boot(const struct driver *driver, const struct boot_request *request, u32 argc,
                 const char *const *argv)
{
    static char name[80];
    const char *words[MAX_ARGUMENTS];
    struct boot_request full = *request;

    int n = format_string(name, sizeof name, "%s(%x,%x,%x)", request->device, request->controller,
                          request->unit, request->partition);
    full.file = name + n;
    full.driver = driver;
    strcopy(name + n, request->file, sizeof name - (u32)n);
    words[0] = name;
    printf("Boot: %s", name);
    for (u32 i = 1; i < argc; i++)
        printf(" %s", words[i] = argv[i]);
    printf("\n");
    n = load(driver, request->controller, request->unit, request->partition);
    if (n < 0)
        return;
    if (*(const u32 *)LOAD_AT == ELF_MAGIC) {
        start_image(&full, (u32)n, argc, words);
        return;
    }
    machine_prepare_standalone(&full, argc, words);
    machine_enter_supervisor(LOAD_AT + (has_header() ? AOUT_HEADER : 0), machine_program_memory().end);
}

int boot_again(const void *parameters)
{
    const struct boot_parameters *p = parameters;

    return load(p->driver, p->controller, p->unit, p->partition) < 0 ? -1 : LOAD_AT;
}

static int probe(void)
{
    return scsi_open(0) ? 0 : -1;
}

const struct driver disk_driver = {
    {'s', 'd'}, probe, boot_again, disk_open, disk_close, disk_strategy, "sd: SCSI disk", 0,
};
const struct driver tape_driver = {
    {'s', 't'}, probe, boot_again, tape_open, tape_close, tape_strategy, "st: SCSI tape", 0,
};

void boot_disk(const struct boot_request *request, u32 argc, const char *const *argv)
{
    boot(&disk_driver, request, argc, argv);
}

void boot_tape(const struct boot_request *request, u32 argc, const char *const *argv)
{
    boot(&tape_driver, request, argc, argv);
}

void boot_ie(const struct boot_request *request, u32 argc, const char *const *argv)
{
    boot(&ie_driver, request, argc, argv);
}

void boot_le(const struct boot_request *request, u32 argc, const char *const *argv)
{
    boot(&le_driver, request, argc, argv);
}
