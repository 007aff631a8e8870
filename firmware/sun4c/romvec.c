/* What foreign code calls: the vector at ROM_VECTOR (NetBSD sparc/include/bsd_openprom.h, Linux
 * asm-sparc/openprom.h). Functions are called with any trap table, on any stack: they use nothing but ROM, our
 * data pages and devices. */
#include "romvec.h"
#include "boot.h"
#include "console.h"
#include "devices.h"
#include "machine.h"
#include "main.h"
#include "mmu.h"
#include "nvram.h"
#include "process.h"
#include "timer.h"
#include "trap.h"
#include "words.h"
#include "zs.h"

enum { MAGIC = 0x10010407, VERSION = 2, REVISION = 2 << 16 | 9, TTYA = 1, TEXT_SIZE = 256, CONSOLE = 1 };

char *romvec_boot_path, *romvec_boot_arguments;
void (*romvec_sync)(void);

static char path_text[64], arguments_text[TEXT_SIZE], empty[1];
static struct boot_arguments arguments, *arguments_pointer = &arguments;
static const u32 console_fd = CONSOLE;
static const u8 console_source = TTYA;
static u32 map_used;

/* --- the device tree: a node's number is its address, 0 is none */

static struct node *next_node(struct node *node)
{
    return node ? node->next : tree_root;
}

static struct node *child_node(struct node *node)
{
    return node ? node->child : tree_root;
}

static int is_none(const struct node *node)
{
    return !node || node == (const struct node *)-1;
}

static int property_length(struct node *node, const char *name)
{
    const struct property *p = is_none(node) ? 0 : tree_property(node, name);

    return p ? (int)p->length : -1;
}

static int get_property(struct node *node, const char *name, void *to)
{
    const struct property *p = is_none(node) ? 0 : tree_property(node, name);

    if (!p)
        return -1;
    memcpy(to, p->value, p->length);
    return (int)p->length;
}

static int set_property(struct node *node, const char *name, const void *value, int length)
{
    if (is_none(node) || length < 0 || !tree_set(node, name, value, (u32)length))
        return -1;
    if (!strcmp(tree_text(node, "name"), "options"))
        option_set(name, value);
    return length;
}

static const char *next_property(struct node *node, const char *name)
{
    const struct property *p = 0;

    if (is_none(node))
        return empty;
    if (!name || !*name)
        p = node->properties;
    else if ((p = tree_property(node, name)))
        p = p->next;
    return p ? p->name : empty;
}

static const struct node_operations {
    struct node *(*next)(struct node *node);
    struct node *(*child)(struct node *node);
    int (*length)(struct node *node, const char *name);
    int (*get)(struct node *node, const char *name, void *to);
    int (*set)(struct node *node, const char *name, const void *value, int length);
    const char *(*next_property)(struct node *node, const char *name);
} node_operations = {next_node, child_node, property_length, get_property, set_property, next_property};

/* --- the console */

static int get_character(void)
{
    return console_get() & 0xFF;
}

static void put_character(int c)
{
    console_put(c & 0xFF);
}

static int try_put_character(int c)
{
    put_character(c);
    return 0;
}

static void put_string(const char *s, int n)
{
    for (int i = 0; i < n; i++)
        console_put((u8)s[i]);
}

/* --- version 0's devices: there are none */

static int none(void)
{
    return -1;
}

static int no_block(void)
{
    return 0;
}

static int ethernet_address(int fd, void *to)
{
    (void)fd;
    memcpy(to, nvram_idprom()->ether, 6);
    return 6;
}

/* --- control */

/* Called on the stack of a program that will lose its memory. */
static void come_back(void)
{
    if (process_is_batch())
        process_exit(0);
    mmu_set_maps();
    mmu_set_contexts();
    open_console();
    timer_start();
    machine_prompt();
}

static void leave(void) __attribute__((noreturn));
static void leave(void)
{
    set_psr(get_psr() | PSR_PIL);
    control_put8(CONTROL_CONTEXT, 0);
    start_over(come_back);
}

static void reboot(const char *what)
{
    char line[TEXT_SIZE];

    format_string(line, sizeof line, "boot %s", what ? what : "");
    words_later(line);
    leave();
}

static void halt(void)
{
    printf("\nProgram terminated\n");
    leave();
}

static void evaluate(const char *text)
{
    char line[TEXT_SIZE];

    strcopy(line, text, sizeof line);
    words_run(line);
}

static void chain(u32 address, u32 size, void (*entry)(const void *romvec), const void *text, u32 length)
{
    (void)address;
    (void)size;
    strcopy(arguments_text, text ? text : "", length < TEXT_SIZE ? length + 1 : TEXT_SIZE);
    machine_enter_supervisor((u32)(size_t)entry, machine_program_memory().end);
}

/* --- memory */

static u32 take_space(u32 size)
{
    if (size > MAP_SIZE - map_used)
        return 0;
    map_used += size;
    return VA_MAP + map_used - size;
}

/* Pages at an address that has a PMEG, or at one of ours for 0. */
static u32 map(u32 address, u32 type, u32 physical, u32 size)
{
    u32 offset = physical % PAGE_SIZE;

    size = (offset + size + PAGE_SIZE - 1) & ~(u32)(PAGE_SIZE - 1);
    if (!address)
        address = take_space(size);
    address &= ~(u32)(PAGE_SIZE - 1);
    for (u32 at = 0; at < size; at += SEGMENT_SIZE)
        if (!address || segment_get(address + at) == PMEG_INVALID)
            return 0;
    mmu_map(address, type, physical - offset, size);
    return address + offset;
}

static u32 map_device(u32 address, u32 space, u32 physical, u32 size)
{
    return map(address, space ? PTE_TYPE_OBIO : PTE_TYPE_MEMORY, physical, size);
}

/* RAM comes from below our own pages; what is available gets less by it. */
static u32 allocate(u32 address, u32 size)
{
    struct memory_list *last = list_available;
    struct node *memory;
    struct property *available;
    const char *rest;

    size = (size + PAGE_SIZE - 1) & ~(u32)(PAGE_SIZE - 1);
    while (last->next)
        last = last->next;
    if (!size || size >= last->size)
        return 0;
    address = map(address, PTE_TYPE_MEMORY, last->start + last->size - size, size);
    if (!address)
        return 0;
    last->size -= size;
    memory = tree_find(tree_root, "/memory", &rest);
    available = tree_property(memory, "available");
    ((u32 *)available->value)[available->length / 4 - 1] = last->size;
    return address;
}

/* --- how a program is started */

void machine_prepare_standalone(const struct boot_request *request, u32 argc, const char *const *argv)
{
    char *at = arguments.strings, *end = at + sizeof arguments.strings;
    size_t n = 0;

    memset(&arguments, 0, sizeof arguments);
    strcopy(path_text, request->driver ? request->driver : host_path, sizeof path_text);
    arguments_text[0] = 0;
    for (u32 i = 0; i < argc; i++) {
        format_string(arguments_text + n, sizeof arguments_text - n, n ? " %s" : "%s", argv[i]);
        n += strlen(arguments_text + n);
    }
    for (u32 i = 0; i < argc && i < ARRAY_SIZE(arguments.argv) - 1 && end - at > 1; i++) {
        arguments.argv[i] = at;
        at += strcopy(at, argv[i], (size_t)(end - at)) + 1;
    }
    arguments.kernel = arguments.argv[0];
    romvec_boot_path = path_text;
    romvec_boot_arguments = arguments_text;
    zs_listen();
    mmu_set_contexts();
}

void romvec_enter(void);
void romvec_setctxt(u32 context, u32 address, u32 pmeg);

struct romvec {
    u32 magic, version, plug_in, revision;
    struct memory_list **total, **taken, **available;
    const struct node_operations *nodes;
    char **boot_string;
    void *v0_open, *v0_close, *v0_read_block, *v0_write_block, *v0_write_net, *v0_read_net, *v0_read, *v0_write,
        *v0_seek;
    const u8 *in_source, *out_sink;
    int (*getchar)(void);
    void (*putchar)(int c);
    int (*try_getchar)(void);
    int (*try_putchar)(int c);
    void (*put_string)(const char *s, int n);
    void (*reboot)(const char *what);
    int (*printf)(const char *text, ...);
    void (*abort)(void);
    const u32 *ticks;
    void (*halt)(void);
    void (**sync)(void);
    void (*evaluate)(const char *text);
    struct boot_arguments **arguments;
    int (*ethernet_address)(int fd, void *to);
    char **boot_path, **boot_arguments;
    const u32 *stdin_fd, *stdout_fd;
    struct node *(*node)(u32 fd);
    u32 (*malloc)(u32 address, u32 size);
    void (*free)(u32 address, u32 size);
    u32 (*map)(u32 address, u32 space, u32 physical, u32 size);
    void (*unmap)(u32 address, u32 size);
    u32 (*open)(const char *path);
    int (*close)(u32 fd);
    int (*read)(u32 fd, void *to, u32 n);
    int (*write)(u32 fd, const void *from, u32 n);
    int (*seek)(u32 fd, u32 high, u32 low);
    void (*chain)(u32 address, u32 size, void (*entry)(const void *romvec), const void *text, u32 length);
    int (*release)(void);
    u32 filler[15];
    void (*set_context)(u32 context, u32 address, u32 pmeg);
};

_Static_assert(offsetof(struct romvec, in_source) == 0x48 && offsetof(struct romvec, sync) == 0x78 &&
                   offsetof(struct romvec, boot_path) == 0x88 && offsetof(struct romvec, open) == 0xAC &&
                   offsetof(struct romvec, set_context) == 0x104,
               "romvec layout");

__attribute__((section(".romvec"), used)) const struct romvec romvec = {
    .magic = MAGIC,
    .version = VERSION,
    .plug_in = VERSION,
    .revision = REVISION,
    .total = &list_total,
    .taken = &list_rom,
    .available = &list_available,
    .nodes = &node_operations,
    .boot_string = &romvec_boot_arguments,
    .v0_open = none,
    .v0_close = none,
    .v0_read_block = no_block,
    .v0_write_block = no_block,
    .v0_write_net = no_block,
    .v0_read_net = no_block,
    .v0_read = no_block,
    .v0_write = no_block,
    .v0_seek = none,
    .in_source = &console_source,
    .out_sink = &console_source,
    .getchar = get_character,
    .putchar = put_character,
    .try_getchar = machine_get,
    .try_putchar = try_put_character,
    .put_string = put_string,
    .reboot = reboot,
    .printf = printf,
    .abort = romvec_enter,
    .ticks = &timer_milliseconds,
    .halt = halt,
    .sync = &romvec_sync,
    .evaluate = evaluate,
    .arguments = &arguments_pointer,
    .ethernet_address = ethernet_address,
    .boot_path = &romvec_boot_path,
    .boot_arguments = &romvec_boot_arguments,
    .stdin_fd = &console_fd,
    .stdout_fd = &console_fd,
    .node = device_node,
    .malloc = allocate,
    .free = mmu_unmap,
    .map = map_device,
    .unmap = mmu_unmap,
    .open = device_open,
    .close = device_close,
    .read = device_read,
    .write = device_write,
    .seek = device_seek,
    .chain = chain,
    .release = no_block,
    .set_context = romvec_setctxt,
};
