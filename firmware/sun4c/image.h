/* Booting from the machine's own devices: what they give is put at LOAD_AT and started there. */
#ifndef FW_IMAGE_H
#define FW_IMAGE_H

#include "lib.h"

/* Boots from the device of a path; comes back only on failure, with the reason printed. argv[0] is the file that a
 * boot program shall load, or "". */
void boot_device(const char *path, u32 argc, const char *const *argv);

#endif
