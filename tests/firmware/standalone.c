/* A standalone program as Sun's boot command starts it: uses the ROM vector as boot programs and kernels do,
 * prints what it finds.  Linked at 0x4000, made into an a.out file by test_machine.py. */
typedef unsigned int u32;
typedef unsigned char u8;

#define ROM_VECTOR 0x0FEF0000
#define ROMVEC(offset, type) (*(__typeof__(type) *)(ROM_VECTOR + (offset)))

typedef int printf_fn(const char *text, ...);
typedef int put_fn(int c);
typedef int get_fn(void);
typedef int get_line_fn(int echo);
typedef int hex_fn(u32 value, int digits);
typedef u8 next_fn(void);
typedef void set_fn(int context, u32 address, int pmeg);
typedef void void_fn(void);
typedef void reboot_fn(const char *command);

struct parameters {
    const char *argv[8];
};

enum { CONTEXTS = 8, CONTROL = 3, SEGMENT = 0x300, TEST_PMEG = 0x40 };

__asm__(".section .text.start\n"
        "start: jmp main\n"
        ".text\n");

static void set_function_codes(u32 code)
{
    __asm__ volatile("movec %0,%%sfc\n\tmovec %0,%%dfc" : : "d"(code));
}

static u32 get_function_code(void)
{
    u32 code;

    __asm__ volatile("movec %%dfc,%0" : "=d"(code));
    return code;
}

/* The entry of a segment in another context, without using memory there. */
static u32 get_segment(u32 context, u32 address)
{
    u8 entry;
    u32 old = get_function_code(), zero = 0;

    set_function_codes(CONTROL);
    __asm__ volatile("movs.b %1,0x30000000\n\t"
                     "movs.b (%2),%0\n\t"
                     "movs.b %3,0x30000000"
                     : "=&d"(entry)
                     : "d"(context), "a"(0x20000000 | address), "d"(zero));
    set_function_codes(old);
    return entry;
}

int main(void)
{
    printf_fn *print = ROMVEC(0x84, printf_fn *);
    const struct parameters *parameters = *ROMVEC(0x0C, struct parameters **);
    int same = 1;

    print("memory %x available %x\n", *ROMVEC(0x10, u32 *), *ROMVEC(0xB8, u32 *));
    print("version %d\n", ROMVEC(0xA4, u32));
    print("arguments %s %s\n", parameters->argv[0], parameters->argv[1] ? parameters->argv[1] : "-");

    set_function_codes(1);
    for (u32 c = 0; c < CONTEXTS; c++)
        ROMVEC(0xCC, set_fn *)(c, SEGMENT << 17, TEST_PMEG + c);
    print("function code %d segments", get_function_code());
    for (u32 c = 0; c < CONTEXTS; c++)
        print(" %x", get_segment(c, SEGMENT << 17));
    for (u32 c = 1; c < CONTEXTS; c++)
        for (u32 a = 0; a < 0x10000000; a += 0x20000)
            same &= a == SEGMENT << 17 || get_segment(c, a) == get_segment(0, a);
    print("\nsame in all contexts: %d\n", same);
    for (u32 a = 0; a < 0x10000000; a += 0x20000)
        if (get_segment(0, a) != a >> 17) {
            print("first segment that is not its own PMEG: %x has %x\n", a, get_segment(0, a));
            break;
        }

    ROMVEC(0x18, put_fn *)('[');
    ROMVEC(0x88, hex_fn *)(0x12ABC, 4);
    print("]\nline? ");
    ROMVEC(0x70, get_line_fn *)(1);
    print("number %x", ROMVEC(0x80, get_fn *)());
    print(" then %d", ROMVEC(0x74, next_fn *)() == 32 ? ROMVEC(0x74, next_fn *)() : 0);
    print(" %d\n", ROMVEC(0x78, next_fn *)());
    ROMVEC(0xC4, void_fn *)();
    print("continued\n");
    ROMVEC(0x60, reboot_fn *)("standalone again");
    return 1;
}
