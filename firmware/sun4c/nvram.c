/* The MK48T02 (SGS-Thomson's data sheet; layout of the ID PROM and the clock: NetBSD sparc/include/idprom.h,
 * sparc/sparc/clockreg.h). The options' part has a layout of ours: a mark, a length, a sum, then NAME=VALUE. */
#include "nvram.h"
#include "trap.h"

enum { IDPROM = 0x7D8, CLOCK = 0x7F8, OPTIONS = 0x10, OPTIONS_END = 0x7D0 };
enum { CONTROL, SECOND, MINUTE, HOUR, WEEKDAY, DAY, MONTH, YEAR };
enum { CONTROL_READ = 0x40, STOPPED = 0x80, YEAR_BASE = 1968, FORMAT = 1, SUN4_75 = 0x55 };
enum { MARK = 0x544D4F31 /* TMO1 */, HEADER = 8 };

static volatile u8 *const chip = (u8 *)VA_NVRAM;
static struct idprom idprom;

const struct option nvram_options[] = {
    {"auto-boot?", "false"},
    {"boot-device", "host"},
    {"boot-file", ""},
    {"diag-switch?", "false"},
    {"diag-file", ""},
    {"input-device", "ttya"},
    {"output-device", "ttya"},
    {"ttya-mode", "9600,8,n,1,-"},
    {"ttyb-mode", "9600,8,n,1,-"},
    {"screen-#rows", "34"},
    {"screen-#columns", "80"},
    {"sd-targets", "31204567"},
    {"st-targets", "45670123"},
    {"scsi-initiator-id", "7"},
    {"local-mac-address?", "false"},
    {"tpe-link-test?", "true"},
    {"selftest-#megs", "1"},
    {"oem-banner?", "false"},
    {"oem-banner", ""},
    {0, 0},
};
const u32 nvram_option_count = ARRAY_SIZE(nvram_options) - 1;

static char values[ARRAY_SIZE(nvram_options) - 1][OPTION_SIZE];

static int find(const char *name)
{
    for (u32 i = 0; i < nvram_option_count; i++)
        if (!strcmp(nvram_options[i].name, name))
            return (int)i;
    return -1;
}

const char *option_get(const char *name)
{
    int i = find(name);

    return i < 0 ? 0 : values[i];
}

int option_is_true(const char *name)
{
    return !strcmp(option_get(name), "true");
}

static u32 get16(u32 at)
{
    return (u32)chip[at] << 8 | chip[at + 1];
}

static u32 sum(u32 length)
{
    u32 total = 0x5A;

    for (u32 i = 0; i < length; i++)
        total = (total << 1 | (total >> 15 & 1)) + chip[OPTIONS + HEADER + i];
    return total & 0xFFFF;
}

static void put(u32 at, const void *from, u32 n)
{
    for (u32 i = 0; i < n; i++)
        chip[at + i] = ((const u8 *)from)[i];
}

static void save_options(void)
{
    static const u32 mark = MARK;
    u32 length = 0;
    char text[OPTION_SIZE + 32];

    for (u32 i = 0; i < nvram_option_count; i++) {
        if (!strcmp(values[i], nvram_options[i].standard))
            continue;
        u32 n = (u32)format_string(text, sizeof text, "%s=%s", nvram_options[i].name, values[i]) + 1;
        if (OPTIONS + HEADER + length + n > OPTIONS_END)
            break;
        put(OPTIONS + HEADER + length, text, n);
        length += n;
    }
    put(OPTIONS, &mark, sizeof mark);
    const u16 tail[2] = {(u16)length, (u16)sum(length)};
    put(OPTIONS + sizeof mark, tail, sizeof tail);
}

int option_set(const char *name, const char *value)
{
    int i = find(name);

    if (i < 0)
        return 0;
    if (strlen(value) >= OPTION_SIZE)
        return -1;
    strcopy(values[i], value, OPTION_SIZE);
    save_options();
    return 1;
}

/* NAME=VALUE as it lies in the chip; names that nobody knows are left out. */
static void take(u32 at, u32 end)
{
    char text[OPTION_SIZE + 32];

    while (at < end) {
        u32 n = 0, equals = 0;

        for (; at < end && chip[at]; at++)
            if (n < sizeof text - 1)
                text[n++] = (char)chip[at];
        at++;
        text[n] = 0;
        while (equals < n && text[equals] != '=')
            equals++;
        if (equals == n)
            continue;
        text[equals] = 0;
        int i = find(text);
        if (i >= 0)
            strcopy(values[i], text + equals + 1, OPTION_SIZE);
    }
}

static void load_options(void)
{
    for (u32 i = 0; i < nvram_option_count; i++)
        strcopy(values[i], nvram_options[i].standard, OPTION_SIZE);
    u32 length = get16(OPTIONS + 4);
    if ((get16(OPTIONS) << 16 | get16(OPTIONS + 2)) == MARK && length <= OPTIONS_END - OPTIONS - HEADER &&
        sum(length) == get16(OPTIONS + 6))
        take(OPTIONS + HEADER, OPTIONS + HEADER + length);
}

static u8 checksum(const struct idprom *id)
{
    u8 total = 0;

    for (u32 i = 0; i < offsetof(struct idprom, checksum); i++)
        total ^= ((const u8 *)id)[i];
    return total;
}

const char *nvram_init(void)
{
    static const struct idprom standard = {
        .format = FORMAT, .machine = SUN4_75, .ether = {8, 0, 0x20, 0x4C, 0x75, 1}, .serial = {0x4C, 0x75, 1}};
    u32 value;

    if (!guarded_read(VA_NVRAM, 1, &value))
        return "does not answer";
    for (u32 i = 0; i < sizeof idprom; i++)
        ((u8 *)&idprom)[i] = chip[IDPROM + i];
    load_options();
    if (idprom.format == FORMAT && idprom.checksum == checksum(&idprom))
        return 0;
    const char *what = idprom.format == FORMAT ? "ID PROM has a wrong checksum; a standard one was written"
                                               : "ID PROM was never written; a standard one is now";
    idprom = standard;
    idprom.checksum = checksum(&idprom);
    put(IDPROM, &idprom, sizeof idprom);
    return what;
}

const struct idprom *nvram_idprom(void)
{
    return &idprom;
}

static u32 bcd(u32 n, u32 mask)
{
    u32 value = chip[CLOCK + n] & mask;

    return (value >> 4) * 10 + (value & 15);
}

u32 nvram_seconds(void)
{
    chip[CLOCK + CONTROL] |= CONTROL_READ;
    u32 seconds = seconds_since_1970(YEAR_BASE + bcd(YEAR, 0xFF), bcd(MONTH, 0x1F), bcd(DAY, 0x3F),
                                     bcd(HOUR, 0x3F), bcd(MINUTE, 0x7F), bcd(SECOND, 0x7F));
    chip[CLOCK + CONTROL] &= (u8)~CONTROL_READ;
    return seconds;
}

const char *nvram_clock_test(void)
{
    if (chip[CLOCK + SECOND] & STOPPED)
        return "is stopped";
    if (bcd(SECOND, 0x7F) > 59 || bcd(MINUTE, 0x7F) > 59 || bcd(HOUR, 0x3F) > 23 || bcd(DAY, 0x3F) - 1 > 30 ||
        bcd(MONTH, 0x1F) - 1 > 11)
        return "shows an impossible time";
    return 0;
}
