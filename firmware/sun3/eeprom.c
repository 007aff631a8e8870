/* EEPROM and ID PROM. */
#include "eeprom.h"
#include "sun3.h"
#include "trap.h"

u32 eeprom_get(u32 offset)
{
    u32 value;

    return guarded_read(VA_EEPROM + offset, 1, &value) ? value : 0;
}

const char *eeprom_test(void)
{
    u32 value;

    if (!guarded_read(VA_EEPROM + EEPROM_PATTERN, 2, &value))
        return "does not answer";
    if (value != 0xAA55)
        return "was never initialized (no AA55 at B8)";
    return 0;
}

const struct idprom *idprom_read(void)
{
    static struct idprom prom;

    for (u32 i = 0; i < sizeof prom; i++)
        ((u8 *)&prom)[i] = (u8)control_get8(CONTROL_IDPROM + i);
    return &prom;
}

const char *idprom_test(void)
{
    const u8 *byte = (const u8 *)idprom_read();
    u8 sum = 0;

    if (byte[0] != 1)
        return "has an unknown format";
    for (int i = 0; i < 16; i++)
        sum ^= byte[i];
    return sum ? "has a wrong checksum" : 0;
}
