/* A boot program from the network: asks for its address by RARP, through the device that the ROM vector says it was
 * booted from. */
typedef unsigned int u32;
typedef unsigned char u8;

enum { FRAME = 60, POLLS = 100000 };

int start(const u8 *romvec) __attribute__((section(".text.start")));

#define ROM(offset, type) (*(__typeof__(type) *)(romvec + (offset)))

int start(const u8 *romvec)
{
    static const u8 rarp[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    static u8 frame[FRAME], answer[2048];
    int (*print)(const char *text, ...) = ROM(0x68, int (*)(const char *, ...));
    int (*read)(u32, void *, u32) = ROM(0xB4, int (*)(u32, void *, u32));
    int (*write)(u32, const void *, u32) = ROM(0xB8, int (*)(u32, const void *, u32));
    u32 fd = ROM(0xAC, u32 (*)(const char *))(*ROM(0x88, char **));
    int length, polls = 0;

    print("path %s args [%s] open %d\n", *ROM(0x88, char **), *ROM(0x8C, char **), fd > 0);
    for (int round = 0; round < 6; round++) { /* round the ring */
        for (int i = 0; i < 6; i++)
            frame[i] = 0xFF;
        ROM(0x84, int (*)(u32, void *))(fd, frame + 6);
        for (u32 i = 0; i < sizeof rarp; i++)
            frame[12 + i] = rarp[i];
        for (int i = 0; i < 6; i++)
            frame[22 + i] = frame[32 + i] = frame[6 + i];
        print("write %d", write(fd, frame, 42));
        while ((length = read(fd, answer, sizeof answer)) < 0 && polls++ < POLLS)
            continue;
        print(" read %d op %d address %d.%d.%d.%d\n", length, answer[21], answer[38], answer[39], answer[40],
              answer[41]);
    }
    print("nothing %d close %d", read(fd, answer, sizeof answer), ROM(0xB0, int (*)(u32))(fd));
    print(" then %d\n", read(fd, answer, sizeof answer));
    return 0;
}
