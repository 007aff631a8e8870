/* What foreign code calls: the vector at the beginning of the ROM.  Functions may be called with any VBR,
 * SFC, DFC and context: they use nothing but ROM, the monitor's data page and devices. */
#include "romvec.h"
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "machine.h"
#include "mmu.h"
#include "process.h"
#include "selftest.h"
#include "sun3.h"
#include "trap.h"
#include "zs.h"

enum { LINE_SIZE = 256, NO_KEY = -1 };

u8 romvec_insource, romvec_outsink;
u32 romvec_has_frame_buffer;

static struct boot_parameters parameters;
static const struct boot_parameters *parameters_pointer = &parameters;
static u32 video_address = VA_VIDEO, frame_buffer_type = 2 /* FBTYPE_SUN2BW */, zero;
static u32 translation = 1 /* ASCII */, screen_x, screen_y, repeat_delay = 500, reset_address = VA_ROM,
           reset_map;
static u8 echo_input, keyboard_id, repeat_tick = 30;
static u8 key_buffer[64];
static void *no_handler;
static char line[LINE_SIZE], *line_pointer = line;
static s32 line_length;
static char boot_text[LINE_SIZE];

static u8 getchar(void)
{
    int c = console_get() & 0x7F;

    if (echo_input)
        console_put(c);
    return (u8)c;
}

static int putchar(int c)
{
    console_put(c & 0xFF);
    return 0;
}

static int maybe_putchar(int c)
{
    return putchar(c);
}

/* There is no keyboard driver: no key is ever down. */
static int get_key(void)
{
    return NO_KEY;
}

static int init_get_key(void)
{
    return 0;
}

static int write_string(const char *s, int n)
{
    for (int i = 0; i < n; i++)
        console_put((u8)s[i]);
    return 0;
}

static void reboot(const char *what)
{
    mask_interrupts();
    set_vbr(VECTORS);
    strcopy(boot_text, what ? what : "", sizeof boot_text);
    prompt_sp = STACK_TOP;
    if (process_is_batch())
        process_exit(0);
    control_put8(CONTROL_CONTEXT, 0);
    control_put8(CONTROL_ENABLE, ENABLE_NOT_BOOT);
    mmu_set_maps();
    mmu_set_contexts();
    machine_prompt();
}

char *machine_pending_command(void)
{
    static char text[LINE_SIZE + 2];

    if (!boot_text[0])
        return 0;
    format_string(text, sizeof text, "b %s", boot_text);
    boot_text[0] = 0;
    return text;
}

static int get_line(int echo)
{
    line_length = console_line(line, sizeof line - 1, echo);
    if (line_length < 0)
        line_length = 0;
    line[line_length++] = '\r'; /* what Sun's buffer ends with */
    line[line_length] = 0;
    line_pointer = line;
    return 0;
}

static u8 peek_character(void)
{
    return (u8)*line_pointer;
}

static u8 next_character(void)
{
    return *line_pointer ? (u8)*line_pointer++ : 0;
}

static int get_number(void)
{
    u32 value = 0;

    for (int d; (d = hex_digit(peek_character())) >= 0; line_pointer++)
        value = value << 4 | (u32)d;
    return (int)value;
}

static int print_hex(u32 value, int digits)
{
    if (digits > 0 && digits < 8)
        value &= (1u << 4 * digits) - 1;
    printf("%0*x", digits > 0 ? digits : 1, value);
    return 0;
}

static int set_leds(int pattern)
{
    setleds((u32)pattern);
    return 0;
}

void machine_prepare_standalone(const struct boot_request *request, u32 argc, const char *const *argv)
{
    char *at = parameters.strings, *end = at + sizeof parameters.strings;

    memset(&parameters, 0, sizeof parameters);
    for (u32 i = 0; i < argc && i < ARRAY_SIZE(parameters.argv) - 1 && end - at > 1; i++) {
        parameters.argv[i] = at;
        at += strcopy(at, argv[i], (size_t)(end - at)) + 1;
    }
    memcpy(parameters.device, request->device, 2);
    parameters.controller = request->controller;
    parameters.unit = request->unit;
    parameters.partition = request->partition;
    parameters.file = parameters.argv[0] + strlen(parameters.argv[0]) - strlen(request->file);
    parameters.driver = request->driver;
    zs_listen();
    /* Sun's boot programs take it for granted that boards reach memory. */
    control_put8(CONTROL_ENABLE, control_get8(CONTROL_ENABLE) | ENABLE_DVMA);
    mmu_set_contexts();
}

void romvec_init(void)
{
    u32 value;

    reset_map = mmu_get_pte(VA_ROM);
    romvec_has_frame_buffer = (u32)guarded_read(VA_VIDEO, 2, &value);
}

void _start(void);
void exit_to_monitor(void);
void nmi_entry(void);
void trap_entry(void);
void romvec_setctxt(u32 context, u32 address, u32 pmeg);

/* Offsets: NetBSD sun3/include/mon.h, Linux arch/m68k/include/asm/openprom.h.
 * The first two longs are the reset vector. */
struct romvec {
    u32 initial_sp;
    void (*start)(void);
    void **diagnostic_bus_error;
    const struct boot_parameters **boot_parameters;
    u32 *memory_size;
    u8 (*getchar)(void);
    int (*putchar)(int c);
    int (*maybe_getchar)(void);
    int (*maybe_putchar)(int c);
    u8 *echo, *insource, *outsink;
    int (*get_key)(void);
    int (*init_get_key)(void);
    u32 *translation;
    u8 *keyboard_id;
    u32 *screen_x, *screen_y;
    u8 *key_buffer;
    const char *monitor_id;
    int (*fb_putchar)(int c);
    u32 *fb_address;
    const void *font;
    int (*fb_write)(const char *s, int n);
    void (*reboot)(const char *what);
    char *line;
    char **line_pointer;
    s32 *line_length;
    int (*get_line)(int echo);
    u8 (*next_character)(void);
    u8 (*peek_character)(void);
    u32 *has_frame_buffer;
    int (*get_number)(void);
    int (*printf)(const char *text, ...);
    int (*print_hex)(u32 value, int digits);
    u8 *leds;
    int (*set_leds)(int pattern);
    void (*nmi)(void);
    void (*abort)(void);
    u32 *nmi_clock;
    u32 *frame_buffer_type;
    u32 version;
    void *globals;
    u32 keyboard_scc;
    u32 *repeat_delay;
    u8 *repeat_tick;
    u32 *memory_available;
    u32 *reset_address, *reset_map;
    void (*exit_to_monitor)(void);
    u32 *memory_bitmap;
    void (*set_context_segment)(u32 context, u32 address, u32 pmeg);
    void **vector_command;
    u32 unused[4];
};

_Static_assert(offsetof(struct romvec, reboot) == 0x60, "romvec layout");
_Static_assert(offsetof(struct romvec, version) == 0xA4, "romvec layout");
_Static_assert(offsetof(struct romvec, set_context_segment) == 0xCC, "romvec layout");

__attribute__((section(".romvec"), used)) const struct romvec romvec = {
    .initial_sp = STACK_TOP,
    .start = _start,
    .diagnostic_bus_error = &no_handler,
    .boot_parameters = &parameters_pointer,
    .memory_size = &memory_size,
    .getchar = getchar,
    .putchar = putchar,
    .maybe_getchar = machine_get,
    .maybe_putchar = maybe_putchar,
    .echo = &echo_input,
    .insource = &romvec_insource,
    .outsink = &romvec_outsink,
    .get_key = get_key,
    .init_get_key = init_get_key,
    .translation = &translation,
    .keyboard_id = &keyboard_id,
    .screen_x = &screen_x,
    .screen_y = &screen_y,
    .key_buffer = key_buffer,
    .monitor_id = "tmesh 1.0",
    .fb_putchar = putchar,
    .fb_address = &video_address,
    .font = &zero,
    .fb_write = write_string,
    .reboot = reboot,
    .line = line,
    .line_pointer = &line_pointer,
    .line_length = &line_length,
    .get_line = get_line,
    .next_character = next_character,
    .peek_character = peek_character,
    .has_frame_buffer = &romvec_has_frame_buffer,
    .get_number = get_number,
    .printf = printf,
    .print_hex = print_hex,
    .leds = &leds_shown,
    .set_leds = set_leds,
    .nmi = nmi_entry,
    .abort = trap_entry,
    .nmi_clock = &clock_milliseconds,
    .frame_buffer_type = &frame_buffer_type,
    .version = ROMVEC_VERSION,
    .globals = &parameters,
    .keyboard_scc = VA_KEYBOARD,
    .repeat_delay = &repeat_delay,
    .repeat_tick = &repeat_tick,
    .memory_available = &memory_available,
    .reset_address = &reset_address,
    .reset_map = &reset_map,
    .exit_to_monitor = exit_to_monitor,
    .memory_bitmap = &zero,
    .set_context_segment = romvec_setctxt,
    .vector_command = &no_handler,
};
