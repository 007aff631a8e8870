/* What is in this machine: its device tree. What kernels look for, and where: docs/firmware.md. */
#include "devices.h"
#include "host.h"
#include "mmu.h"
#include "nvram.h"
#include "trap.h"

/* Root children lie in space 1, with the four upper bits set. */
#define OBIO(address) 0xF0000000u + (address)
#define WORDS(node, name, ...) \
    do { \
        static const u32 constant[] = {__VA_ARGS__}; \
        tree_set(node, name, constant, sizeof constant); \
    } while (0)

const char console_path[] = "/zs@1,f1000000:a", host_path[] = "/host@1,f7f00000";
struct memory_list *list_total, *list_available, *list_rom;

static void text(struct node *node, const char *name, const char *value)
{
    tree_set(node, name, value, (u32)strlen(value) + 1);
}

static void flag(struct node *node, const char *name)
{
    tree_set(node, name, "", 0);
}

static struct node *device(struct node *parent, const char *name, u32 physical, u32 size, u32 address)
{
    struct node *node = tree_add(parent, name);
    const u32 reg[] = {1, OBIO(physical), size};

    tree_set(node, "reg", reg, sizeof reg);
    if (address)
        tree_set(node, "address", &address, sizeof address);
    return node;
}

static void interrupt(struct node *node, u32 level)
{
    const u32 pair[] = {level, 0};

    tree_set(node, "intr", pair, sizeof pair);
}

static struct node *build_root(void)
{
    struct node *root = tree_add(0, "Sun 4_75");

    text(root, "banner-name", "SPARCstation 2 (tmesh)");
    text(root, "device_type", "cpu");
    WORDS(root, "clock-frequency", 40000000);
    WORDS(root, "mmu-nctx", CONTEXTS);
    WORDS(root, "mmu-npmg", PMEGS);
    WORDS(root, "vac-size", 0x10000);
    WORDS(root, "vac-linesize", 32);
    WORDS(root, "vac_hwflush", 1);
    WORDS(root, "buserr-type", 1);
    tree_set(root, "idprom", nvram_idprom(), sizeof(struct idprom));
    text(root, "stdin-path", console_path);
    text(root, "stdout-path", console_path);
    return root;
}

static struct memory_list *link(struct memory_list **list, u32 start, u32 size)
{
    static struct memory_list pool[2 * MAX_BANKS + 1];
    static u32 used;
    struct memory_list *item = &pool[used++];

    item->start = start;
    item->size = size;
    while (*list)
        list = &(*list)->next;
    return *list = item;
}

static u32 flatten(const struct memory_list *list, u32 *to)
{
    u32 n = 0;

    for (; list; list = list->next) {
        to[n++] = 0;
        to[n++] = list->start;
        to[n++] = list->size;
    }
    return n * 4;
}

static void build_memory(struct node *root)
{
    struct node *memory = tree_add(root, "memory"), *virtual = tree_add(root, "virtual-memory");
    u32 words[3 * MAX_BANKS];

    for (u32 i = 0; i < memory_bank_count; i++) {
        u32 size = memory_banks[i].size;

        link(&list_total, memory_banks[i].start, size);
        if (i == memory_bank_count - 1)
            size = memory_own - memory_banks[i].start;
        link(&list_available, memory_banks[i].start, size);
    }
    link(&list_rom, MONITOR_START, DVMA_START - MONITOR_START);
    tree_set(memory, "reg", words, flatten(list_total, words));
    tree_set(memory, "available", words, flatten(list_available, words));
    WORDS(virtual, "reg", 0, 0, SPACE_HALF, 0, -SPACE_HALF, SPACE_HALF);
    WORDS(virtual, "available", 0, -SPACE_HALF, MONITOR_START + SPACE_HALF, 0, 0, SPACE_HALF);
}

static void build_options(struct node *root)
{
    struct node *options = tree_add(root, "options");

    for (u32 i = 0; i < nvram_option_count; i++)
        text(options, nvram_options[i].name, option_get(nvram_options[i].name));
}

static void build_serial(struct node *root)
{
    struct node *ports = device(root, "zs", OBIO_SERIAL, 8, VA_SERIAL);
    struct node *keyboard = device(root, "zs", OBIO_KEYBOARD, 8, VA_KEYBOARD);

    WORDS(ports, "slave", 0);
    WORDS(keyboard, "slave", 1);
    flag(keyboard, "keyboard");
    text(ports, "device_type", "serial");
    text(keyboard, "device_type", "serial");
    interrupt(ports, 12);
    interrupt(keyboard, 12);
}

/* Systems look for what the tree says, so it says what there is. */
static int answers(u32 address, u32 size)
{
    u32 value;

    return guarded_read(address, size, &value);
}

static void build_scsi(struct node *sbus)
{
    struct node *dma = tree_add(sbus, "dma"), *esp = tree_add(sbus, "esp"), *disk = tree_add(esp, "sd");

    WORDS(dma, "reg", 0, OBIO_DMA - 0x8000000, 0x10);
    WORDS(dma, "address", VA_DMA);
    WORDS(dma, "burst-sizes", 0x38);
    WORDS(esp, "reg", 0, OBIO_ESP - 0x8000000, 0x40);
    WORDS(esp, "address", VA_ESP);
    text(esp, "device_type", "scsi");
    WORDS(esp, "clock-frequency", 20000000);
    WORDS(esp, "initiator-id", 7);
    WORDS(esp, "scsi-initiator-id", 7);
    interrupt(esp, 3);
    text(disk, "device_type", "block"); /* any target: it has no address of its own */
}

static void build_ethernet(struct node *sbus)
{
    struct node *le = tree_add(sbus, "le");

    WORDS(le, "reg", 0, OBIO_LE - 0x8000000, 4);
    WORDS(le, "address", VA_LE);
    text(le, "device_type", "network");
    tree_set(le, "mac-address", nvram_idprom()->ether, 6);
    interrupt(le, 5);
}

static void build_sbus(struct node *root)
{
    struct node *sbus = device(root, "sbus", 0x8000000, 0x8000000, 0);

    WORDS(sbus, "clock-frequency", 20000000);
    WORDS(sbus, "burst-sizes", 0x38);
    WORDS(sbus, "ranges", 0, 0, 1, 0xF8000000, 0x2000000, 1, 0, 1, 0xFA000000, 0x2000000, 2, 0, 1, 0xFC000000,
          0x2000000, 3, 0, 1, 0xFE000000, 0x2000000);
    text(sbus, "device_type", "sbus");
    if (answers(VA_DMA, 4) && answers(VA_ESP, 1))
        build_scsi(sbus);
    if (answers(VA_LE, 2))
        build_ethernet(sbus);
}

void tree_build(void)
{
    struct node *node;

    tree_root = build_root();
    tree_add(tree_root, "packages");
    node = tree_add(tree_root, "openprom");
    text(node, "model", "tmesh 1.0");
    text(node, "relative-addressing", "");
    build_options(tree_root);
    node = tree_add(tree_root, "aliases");
    text(node, "ttya", console_path);
    text(node, "ttyb", "/zs@1,f1000000:b");
    text(node, "disk", "/sbus/esp@0,800000/sd@3,0");
    text(node, "net", "/sbus/le@0,c00000");
    text(node, "host", host_path);
    build_memory(tree_root);
    build_serial(tree_root);
    node = device(tree_root, "eeprom", OBIO_NVRAM, 0x800, VA_NVRAM);
    text(node, "model", "mk48t02");
    node = device(tree_root, "counter-timer", OBIO_COUNTER, 0x10, VA_COUNTER);
    WORDS(node, "intr", 10, 0, 14, 0);
    node = device(tree_root, "memory-error", OBIO_MEMORY_ERROR, 0x10, VA_MEMORY_ERROR);
    interrupt(node, 15);
    device(tree_root, "interrupt-enable", OBIO_INTERRUPT, 1, VA_INTERRUPT);
    device(tree_root, "auxiliary-io", OBIO_AUXILIARY + 3, 1, VA_AUXILIARY + 3);
    if (host_present()) {
        node = device(tree_root, "host", OBIO_HOST, 0x2000, VA_HOST);
        text(node, "device_type", "block");
    }
    build_sbus(tree_root);
}
