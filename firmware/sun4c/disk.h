/* SCSI disks behind the esp. */
#ifndef FW_DISK_H
#define FW_DISK_H

#include "sun4c.h"
#include "lib.h"

enum { BLOCK = 512 };

struct disk {
    u32 target, unit;
    u32 first; /* block where the partition begins */
};

/* What follows sd@ in a path, as in 3,0:a; reads the label. 0, or -1 after saying what is wrong. */
int disk_open(struct disk *disk, const char *where);

/* Bytes moved, from a byte offset in the partition, or -1; writing needs whole blocks. */
int disk_read(const struct disk *disk, u64 offset, void *to, u32 n);
int disk_write(const struct disk *disk, u64 offset, const void *from, u32 n);

/* esp.c: one command, its data in ESP_BUFFER. The status, or a negative number. */
enum { ESP_NO_TARGET = -1, ESP_BROKEN = -2, ESP_BUFFER_SIZE = ESP_MEMORY };
#define ESP_BUFFER ((u8 *)VA_ESP_MEMORY)
int esp_perform(u32 target, const u8 *command, u32 size, u32 length, int sending);
void esp_start(void); /* resets chip and bus, maps the buffer */

#endif
