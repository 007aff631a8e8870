/* Shifts, rotates, bit fields, 64-bit arithmetic, sign extension, multiplication and division. */
#include "runtime.h"

struct packed {
	u32 a : 3, b : 7, c : 11, d : 11;
};

static struct packed fields[8];
static u64 wide[6];
static u8 set[16];

static u32 crc(const u8 *data, int count)
{
	u32 sum = 0xffffffff;
	while (count--) {
		sum ^= *data++;
		for (int i = 0; i < 8; i++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
	}
	return ~sum;
}

static u32 rotate(u32 value, int count)
{
	return value << count | value >> (-count & 31);
}

static int run(void)
{
	u32 mix = 0x243f6a88;
	for (int i = 0; i < 8; i++) {
		mix = rotate(mix, i + 3) * 0x9e3779b1 + i;
		fields[i].a = mix;
		fields[i].b = mix >> 3;
		fields[i].c = mix % 1999;
		fields[i].d = fields[i].c ^ fields[i].b;
		set[mix >> 28] |= 1 << (i & 7);
	}
	for (int i = 0; i < 6; i++) {
		u64 value = (u64)mix * (mix ^ i) + ((u64)i << 33);
		wide[i] = (value >> (i * 7 & 63)) - (value << i);
		wide[i] += (long long)(int)(signed char)mix * (short)(mix >> 8);
		mix = (u32)(wide[i] >> 32) ^ (u32)wide[i];
		mix = (int)mix / 7 + (int)mix % 13 + mix / 11;
	}
	print_hex(crc((const u8 *)fields, sizeof fields));
	print_hex(crc((const u8 *)wide, sizeof wide));
	print_hex(crc(set, sizeof set) ^ mix);
	return 0;
}
