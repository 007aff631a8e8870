/* Disks: Sun's label (NetBSD sys/dev/sun/disklabel.h), reading and writing. */
#include "disk.h"
#include "console.h"
#include "sun4c.h"

enum { REQUEST_SENSE = 0x03, READ = 0x28, WRITE = 0x2A, CHECK = 2, SENSE_SIZE = 18, TRIES = 4 };
enum { LABEL_TRACKS = 436, LABEL_SECTORS = 438, LABEL_MAP = 444, LABEL_MAGIC = 508, MAGIC = 0xDABE };
enum { PARTITIONS = 8, MOST = ESP_BUFFER_SIZE / BLOCK };

static int perform(const struct disk *disk, u8 *command, u32 size, u32 length, int sending)
{
    command[1] = (u8)(disk->unit << 5);
    return esp_perform(disk->target, command, size, length, sending);
}

/* Blocks to or from the buffer; a check condition may be no more than news (the unit was reset). */
static int move(const struct disk *disk, u32 operation, u32 block, u32 count)
{
    u8 command[10] = {(u8)operation, 0, (u8)(block >> 24), (u8)(block >> 16), (u8)(block >> 8), (u8)block, 0,
                      (u8)(count >> 8), (u8)count, 0};
    u8 sense[6] = {REQUEST_SENSE, 0, 0, 0, SENSE_SIZE, 0};
    int status = CHECK;

    for (u32 i = 0; i < TRIES && status == CHECK; i++) {
        status = perform(disk, command, sizeof command, count * BLOCK, operation == WRITE);
        if (status == CHECK)
            perform(disk, sense, sizeof sense, SENSE_SIZE, 0);
    }
    if (status == ESP_NO_TARGET)
        printf("sd@%x,%x: no such disk\n", disk->target, disk->unit);
    else if (status == CHECK)
        printf("sd@%x,%x: block %x: sense key %x\n", disk->target, disk->unit, block, ESP_BUFFER[2] & 15);
    else if (status)
        printf("sd@%x,%x: status %x\n", disk->target, disk->unit, (u32)status);
    return status ? -1 : 0;
}

static u32 get16(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

static u32 get32(const u8 *p)
{
    return get16(p) << 16 | get16(p + 2);
}

/* A disk without a label is one partition. */
static int read_label(struct disk *disk, u32 partition)
{
    const u8 *label = ESP_BUFFER;

    if (move(disk, READ, 0, 1))
        return -1;
    if (get16(label + LABEL_MAGIC) != MAGIC)
        return 0;
    if (!get32(label + LABEL_MAP + 8 * partition + 4)) {
        printf("sd@%x,%x: partition %c is empty\n", disk->target, disk->unit, 'a' + partition);
        return -1;
    }
    disk->first = get32(label + LABEL_MAP + 8 * partition) * get16(label + LABEL_TRACKS) *
                  get16(label + LABEL_SECTORS);
    return 0;
}

int disk_open(struct disk *disk, const char *where)
{
    u32 partition = 0, *number = &disk->target;

    memset(disk, 0, sizeof *disk);
    for (; *where && *where != ':'; where++)
        if (*where == ',')
            number = &disk->unit;
        else if (hex_digit((u8)*where) >= 0)
            *number = *number << 4 | (u32)hex_digit((u8)*where);
    if (*where == ':' && where[1] >= 'a' && where[1] < 'a' + PARTITIONS)
        partition = (u32)(where[1] - 'a');
    if (disk->target > 6 || disk->unit > 7) {
        printf("sd@%x,%x: targets are 0 to 6, units 0 to 7\n", disk->target, disk->unit);
        return -1;
    }
    esp_start();
    return read_label(disk, partition);
}

int disk_read(const struct disk *disk, u64 offset, void *to, u32 n)
{
    u32 done = 0;

    while (done < n) {
        u32 skip = (u32)offset % BLOCK, want = skip + (n - done);
        u32 count = want > ESP_BUFFER_SIZE ? MOST : (want + BLOCK - 1) / BLOCK;
        u32 part = count * BLOCK - skip;

        if (move(disk, READ, disk->first + (u32)(offset >> 9), count))
            return -1;
        part = part < n - done ? part : n - done;
        memcpy((u8 *)to + done, ESP_BUFFER + skip, part);
        done += part;
        offset += part;
    }
    return (int)n;
}

int disk_write(const struct disk *disk, u64 offset, const void *from, u32 n)
{
    if (n % BLOCK || offset % BLOCK)
        return -1;
    for (u32 done = 0; done < n;) {
        u32 part = n - done < ESP_BUFFER_SIZE ? n - done : ESP_BUFFER_SIZE;

        memcpy(ESP_BUFFER, (const u8 *)from + done, part);
        if (move(disk, WRITE, disk->first + (u32)(offset >> 9), part / BLOCK))
            return -1;
        done += part;
        offset += part;
    }
    return (int)n;
}
