/* What the EEPROM says (layout: Sun's PROM user's manual, 800-1736; NetBSD sun3/include/eeprom.h). */
#ifndef FW_EEPROM_H
#define FW_EEPROM_H

#include "lib.h"

enum {
    EEPROM_MEMORY = 0x14,
    EEPROM_TEST_SIZE = 0x15,
    EEPROM_CONSOLE = 0x1F,
    EEPROM_TTYA = 0x58,
    EEPROM_TTYB = 0x60,
    EEPROM_PATTERN = 0xB8,
    EEPROM_SIZE = 0x800
};
enum { EEPROM_TRUE = 0x12, CONSOLE_TTYA = 0x10, CONSOLE_TTYB = 0x11 };

/* One byte; 0 without an EEPROM. */
u32 eeprom_get(u32 offset);
const char *eeprom_test(void);

/* The ID PROM's 32 bytes. */
struct idprom {
    u8 format, machine, ether[6], date[4], serial[3], checksum, rest[16];
};
const struct idprom *idprom_read(void);
const char *idprom_test(void);

#endif
