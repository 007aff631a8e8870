/* Deflates and inflates 1 MB with zlib at two levels; prints sizes and check sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SIZE = 1 << 20 };

int main(void)
{
    static unsigned char text[SIZE], packed[SIZE + SIZE / 8], again[SIZE];
    unsigned random = 1;

    for (int i = 0; i < SIZE; i++) {
        random = random * 1103515245 + 12345;
        text[i] = random >> 16 & 7 ? (unsigned char)(i >> 6) : (unsigned char)(random >> 24);
    }
    for (int level = 1; level <= 6; level += 5) {
        uLongf size = sizeof packed, back = sizeof again;
        int error = compress2(packed, &size, text, SIZE, level);

        if (error || uncompress(again, &back, packed, size) || back != SIZE || memcmp(text, again, SIZE)) {
            printf("level %d: wrong\n", level);
            return 1;
        }
        printf("level %d: %lu bytes, crc %08lx, adler %08lx\n", level, size, crc32(0, packed, (uInt)size),
               adler32(1, again, SIZE));
    }
    return 0;
}
