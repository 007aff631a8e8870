/* Booting from the machine's own devices. */
#include "image.h"
#include "boot.h"
#include "console.h"
#include "disk.h"
#include "ether.h"
#include "machine.h"
#include "romvec.h"
#include "tree.h"

enum { LOAD_AT = 0x4000, AOUT_HEADER = 32, BOOT_BLOCKS = 16 };

/* The file at LOAD_AT, which is moved to the end of memory so that a program can be loaded out of it. */
static int read_image(struct source *source, u32 offset, void *to, u32 n)
{
    memcpy(to, (const u8 *)(size_t)(machine_program_memory().end - source->size) + offset, n);
    return 0;
}

static void start_elf(const struct boot_request *request, u32 size, u32 argc, const char *const *argv)
{
    struct source source = {.read = read_image, .size = (size + 7) & ~7u};
    struct memory_range allowed = machine_program_memory();

    allowed.end -= source.size;
    memmove((void *)(size_t)allowed.end, (const void *)LOAD_AT, source.size);
    boot_program(&source, allowed, request, argc, argv);
}

/* Anything else is entered where it is loaded, without the header that a.out files have. */
static void start_image(const struct boot_request *request, u32 size, u32 argc, const char *const *argv)
{
    u32 magic = *(const u16 *)(LOAD_AT + 2);

    if ((magic == 0407 || magic == 0410 || magic == 0413) && size > AOUT_HEADER)
        memmove((void *)LOAD_AT, (const void *)(LOAD_AT + AOUT_HEADER), size - AOUT_HEADER);
    machine_prepare_standalone(request, argc, argv);
    machine_enter_supervisor(LOAD_AT, machine_program_memory().end);
}

static int load_from_network(void)
{
    const u8 *end = (const u8 *)(size_t)machine_program_memory().end;
    int n = ether_start(&ether_le) ? -1 : netboot(&ether_le, (u8 *)LOAD_AT, end);

    if (n >= 0)
        ether_le.stop(); /* it shall not write into the memory of what was loaded */
    return n;
}

/* The boot block: what follows the label, to the end of the first 8 KB. */
static int load_from_disk(const char *path)
{
    u32 fd = device_open(path);
    int n;

    if (!fd)
        return -1;
    device_seek(fd, 0, BLOCK);
    n = device_read(fd, (void *)LOAD_AT, (BOOT_BLOCKS - 1) * BLOCK);
    device_close(fd);
    return n;
}

void boot_device(const char *path, u32 argc, const char *const *argv)
{
    struct boot_request request = {.file = argv[0], .driver = path};
    const char *arguments;
    const struct node *node = tree_find(tree_root, path, &arguments);
    int n;

    if (!node) {
        printf("%s: there is no such device; show-devs lists them\n", path);
        return;
    }
    const char *type = tree_text(node, "device_type");
    if (!strcmp(type, "network"))
        n = load_from_network();
    else if (!strcmp(type, "block"))
        n = load_from_disk(path);
    else {
        printf("%s: there is no driver to boot from it; boot FILE boots a file of the host\n", path);
        return;
    }
    if (n == 0)
        printf("There is nothing to boot there\n");
    if (n <= 0)
        return;
    if (*(const u32 *)LOAD_AT == ELF_MAGIC)
        start_elf(&request, (u32)n, argc, argv);
    else
        start_image(&request, (u32)n, argc, argv);
}
