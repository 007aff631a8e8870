/* The boot block of a disk: reads and writes the partition that it was booted from through the ROM vector. */
typedef unsigned int u32;
typedef unsigned char u8;

enum { BLOCK = 512, FIRST = 20, BYTES = 40000 };

int start(const u8 *romvec) __attribute__((section(".text.start")));

#define ROM(offset, type) (*(__typeof__(type) *)(romvec + (offset)))

static u8 *const memory = (u8 *)0x100000;

static u32 sum(const u8 *p, u32 n)
{
    u32 total = 0;

    while (n--)
        total = (total << 1 | total >> 31) ^ *p++;
    return total;
}

int start(const u8 *romvec)
{
    int (*print)(const char *text, ...) = ROM(0x68, int (*)(const char *, ...));
    u32 (*open)(const char *) = ROM(0xAC, u32 (*)(const char *));
    int (*read)(u32, void *, u32) = ROM(0xB4, int (*)(u32, void *, u32));
    int (*write)(u32, const void *, u32) = ROM(0xB8, int (*)(u32, const void *, u32));
    int (*seek)(u32, u32, u32) = ROM(0xBC, int (*)(u32, u32, u32));
    u32 fd = open(*ROM(0x88, char **));

    print("path %s args [%s] open %d\n", *ROM(0x88, char **), *ROM(0x8C, char **), fd > 0);
    seek(fd, 0, FIRST * BLOCK);
    print("blocks %d sum %x\n", read(fd, memory, BYTES / BLOCK * BLOCK), sum(memory, BYTES / BLOCK * BLOCK));
    seek(fd, 0, FIRST * BLOCK + 100);
    print("bytes %d sum %x", read(fd, memory, 1000), sum(memory, 1000));
    print(" then %d sum %x\n", read(fd, memory, 3), sum(memory, 3));
    for (u32 i = 0; i < 2 * BLOCK; i++)
        memory[i] = (u8)(i * 7);
    seek(fd, 0, 200 * BLOCK);
    print("write %d odd %d\n", write(fd, memory, 2 * BLOCK), write(fd, memory, 100));
    print("absent %d\n", open("/sbus/esp/sd@5,0:a"));
    return 0;
}
