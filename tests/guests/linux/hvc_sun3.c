// SPDX-License-Identifier: GPL-2.0
/* A console through the Sun PROM's routines: Linux has no driver for the Sun-3's serial chips. */
#include <linux/console.h>
#include <linux/init.h>

#include <asm/oplib.h>
#include <asm/setup.h>

#include "hvc_console.h"

static int get_chars(uint32_t unit, char *buffer, int count)
{
	int n = 0, c;

	while (n < count && (c = prom_nbgetchar()) != -1)
		buffer[n++] = c;
	return n;
}

static int put_chars(uint32_t unit, const char *buffer, int count)
{
	for (int i = 0; i < count; i++)
		prom_putchar(buffer[i]);
	return count;
}

static const struct hv_ops prom_ops = {.get_chars = get_chars, .put_chars = put_chars};

static void early_write(struct console *console, const char *text, unsigned int count)
{
	while (count--) {
		if (*text == '\n')
			prom_putchar('\r');
		prom_putchar(*text++);
	}
}

static struct console early = {
	.name = "prom", .write = early_write, .flags = CON_PRINTBUFFER | CON_BOOT, .index = -1,
};

static int __init start_early(char *unused)
{
	register_console(&early);
	return 0;
}
early_param("prom", start_early);

static int __init hvc_sun3_console(void)
{
	return MACH_IS_SUN3 ? hvc_instantiate(0, 0, &prom_ops) : 0;
}
console_initcall(hvc_sun3_console);

static int __init hvc_sun3_init(void)
{
	return MACH_IS_SUN3 ? PTR_ERR_OR_ZERO(hvc_alloc(0, 0, &prom_ops, 16)) : 0;
}
device_initcall(hvc_sun3_init);
