/* A small system: walks the device tree through the ROM vector as kernels do, and calls the rest of it. */
typedef unsigned int u32;
typedef unsigned char u8;
typedef struct node node;

struct node_operations {
    node *(*next)(node *n);
    node *(*child)(node *n);
    int (*length)(node *n, const char *name);
    int (*get)(node *n, const char *name, void *to);
    int (*set)(node *n, const char *name, const void *value, int length);
    const char *(*next_property)(node *n, const char *name);
};

struct memory_list {
    struct memory_list *next;
    u32 start, size;
};

enum { CONTEXTS = 16, TEST_SEGMENT = 0x10000000, DEPTH = 40, CONTEXT_REGISTER = 0x30000000 };

extern u32 kernel_traps, kernel_overflows;
void kernel_main(const u8 *romvec) __attribute__((noreturn));

static const u8 *vector;
#define ROM(offset, type) (*(__typeof__(type) *)(vector + (offset)))
#define PRINT ROM(0x68, int (*)(const char *text, ...))

static u32 get_context(void)
{
    u32 value;

    __asm__ volatile("lduba [%1] 2, %0" : "=r"(value) : "r"(CONTEXT_REGISTER));
    return value & 15;
}

/* The entry of a segment in another context, in which this code must be mapped. Memory is not used there. */
static u32 get_segment(u32 context, u32 address)
{
    u32 value, own = get_context();

    __asm__ volatile("stba %1, [%3] 2\n\tlduba [%4] 3, %0\n\tstba %2, [%3] 2"
                     : "=&r"(value)
                     : "r"(context), "r"(own), "r"(CONTEXT_REGISTER), "r"(address));
    return value;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void walk(node *n, int depth)
{
    const struct node_operations *tree = ROM(0x1C, struct node_operations *);

    for (; n; n = tree->next(n)) {
        static u8 value[256];
        static char name[64];
        int length;

        for (int i = 0; i < depth; i++)
            PRINT("  ");
        length = tree->get(n, "name", name);
        PRINT("%s (%d)", name, length);
        for (const char *p = tree->next_property(n, ""); *p; p = tree->next_property(n, p)) {
            length = tree->length(n, p);
            if (length != tree->get(n, p, value))
                PRINT(" [length of %s]", p);
            if (same(p, "reg") || same(p, "address") || same(p, "intr"))
                for (int i = 0; i < length; i += 4)
                    PRINT("%s%x", i ? "," : " ", *(u32 *)(value + i));
        }
        PRINT("\n");
        walk(tree->child(n), depth + 1);
    }
}

static node *find(const char *wanted)
{
    const struct node_operations *tree = ROM(0x1C, struct node_operations *);
    static char name[64];

    for (node *n = tree->child(tree->next(0)); n; n = tree->next(n))
        if (tree->get(n, "name", name) > 0 && same(name, wanted))
            return n;
    return 0;
}

static void check_tree(void)
{
    const struct node_operations *tree = ROM(0x1C, struct node_operations *);
    node *root = tree->next(0);
    u8 id[32], sum = 0;
    u32 words[12] = {0};

    PRINT("idprom %d", tree->get(root, "idprom", id));
    for (int i = 0; i < 16; i++)
        sum ^= id[i];
    PRINT(" type %x sum %x\n", id[1], sum);
    PRINT("absent %d %d %d\n", tree->length(root, "nothing"), tree->get(root, "nothing", id),
          tree->length((node *)-1, "name"));
    PRINT("memory %d", tree->get(find("memory"), "reg", words));
    PRINT(" %x %x %x", words[0], words[1], words[2]);
    tree->get(find("memory"), "available", words);
    PRINT(" available %x %x\n", words[1], words[2]);
    PRINT("set %d", tree->set(find("options"), "boot-file", "vmunix", 7));
    static char text[64];
    PRINT(" %d %s\n", tree->get(find("options"), "boot-file", text), text);
}

static void check_contexts(void)
{
    void (*setctxt)(u32 context, u32 address, u32 pmeg) = ROM(0x104, void (*)(u32, u32, u32));
    u32 here = (u32)get_segment & ~0x3FFFFu, pmeg, good = 1;

    __asm__ volatile("lduba [%1] 3, %0" : "=r"(pmeg) : "r"(here));
    for (u32 c = 0; c < CONTEXTS; c++) {
        setctxt(c, here, pmeg);
        setctxt(c, TEST_SEGMENT, 0x80 + c);
    }
    for (u32 c = 0; c < CONTEXTS; c++)
        good &= get_segment(c, TEST_SEGMENT) == 0x80 + c;
    for (u32 c = 1; c < CONTEXTS; c++)
        for (u32 a = 0xFFD00000; a; a += 0x40000)
            good &= get_segment(c, a) == get_segment(0, a);
    PRINT("context %u, all of them alike: %u\n", get_context(), good);
    PRINT("firmware's PMEGs %x to %x, RAM %x %x\n", get_segment(0, 0xFFD00000), get_segment(0, 0xFFEC0000),
          get_segment(0, 0), get_segment(0, 0x3C0000));
}

static void check_memory(void)
{
    u32 (*map)(u32, u32, u32, u32) = ROM(0xA4, u32 (*)(u32, u32, u32, u32));
    u32 (*allocate)(u32, u32) = ROM(0x9C, u32 (*)(u32, u32));
    const struct memory_list *available = *ROM(0x18, struct memory_list **);
    u32 before = available->size;
    volatile u8 *eeprom = (u8 *)map(0, 1, 0xF2000000, 0x800);
    volatile u32 *memory = (u32 *)allocate(0, 0x3000);

    memory[0] = 1;
    memory[0xBFF] = 2;
    PRINT("format %x, allocated %u, less by %x\n", eeprom[0x7D8], memory[0] + memory[0xBFF],
          before - available->size);
    PRINT("nowhere %x\n", allocate(0x1C000000, 0x1000));
}

static void check_devices(void)
{
    u32 (*open)(const char *) = ROM(0xAC, u32 (*)(const char *));
    int (*read)(u32, void *, u32) = ROM(0xB4, int (*)(u32, void *, u32));
    int (*write)(u32, const void *, u32) = ROM(0xB8, int (*)(u32, const void *, u32));
    int (*seek)(u32, u32, u32) = ROM(0xBC, int (*)(u32, u32, u32));
    int (*close)(u32) = ROM(0xB0, int (*)(u32));
    u32 out = *ROM(0x94, u32 *), file;
    u8 magic[4] = {0};

    while (write(out, "[", 1) != 1)
        continue;
    ROM(0x54, void (*)(int))(']');
    ROM(0x60, void (*)(const char *, int))("put\n", 4);
    file = open(*ROM(0x88, char **));
    PRINT("seek %d read %d", seek(file, 0, 0), read(file, magic, 4));
    PRINT(" %c%c%c close %d then %d\n", magic[1], magic[2], magic[3], close(file), read(file, magic, 1));
    PRINT("absent %u %u\n", open("/sbus/sd@3,0"), open("/sbus/esp"));
    PRINT("inputs %x %x none %d\n", *ROM(0x48, u8 *), *ROM(0x4C, u8 *), ROM(0x58, int (*)(void))());
}

static int deep(int n)
{
    int here = n ? deep(n - 1) + 1 : ROM(0x60, void (*)(const char *, int)) != 0;

    PRINT("");
    return here;
}

static void synchronize(void)
{
    PRINT("synchronized\n");
}

static void set_level(u32 level)
{
    u32 psr;

    __asm__ volatile("rd %%psr, %0" : "=r"(psr));
    psr = (psr & ~0xF00u) | level << 8;
    __asm__ volatile("wr %0, 0, %%psr; nop; nop; nop" : : "r"(psr));
}

void kernel_main(const u8 *romvec)
{
    vector = romvec;
    PRINT("romvec %x magic %x version %u revision %x\n", romvec, ROM(0, u32), ROM(4, u32), ROM(0xC, u32));
    PRINT("path %s arguments [%s]\n", *ROM(0x88, char **), *ROM(0x8C, char **));
    PRINT("argv %s file %s\n", (*ROM(0x80, char ***))[1], *(char **)((u8 *)*ROM(0x80, char **) + 148));
    walk(ROM(0x1C, struct node_operations *)->next(0), 0);
    check_tree();
    check_contexts();
    check_memory();
    check_devices();
    PRINT("depth %d overflows %d traps %u\n", deep(DEPTH), kernel_overflows > DEPTH, kernel_traps);
    *ROM(0x78, void (**)(void)) = synchronize;
    ROM(0x7C, void (*)(const char *))("sync 5 6 * .");
    ROM(0x6C, void (*)(void))();
    PRINT("continued\n");
    volatile u32 *ticks = ROM(0x70, u32 *);
    u32 before = *ticks;
    set_level(13); /* level 14 may come */
    while (*ticks == before)
        continue;
    set_level(15);
    PRINT("ticks\n");
    ROM(0x64, void (*)(const char *))("demo again");
    for (;;)
        continue;
}
