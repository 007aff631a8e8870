/* Backtracking on a small board: recursion with many saved registers, a jump table, structures by value. */
#include "runtime.h"

/* What the compiler copies structures with. */
void *memcpy(void *to, const void *from, unsigned long count)
{
	u8 *t = to;
	const u8 *f = from;
	while (count--)
		*t++ = *f++;
	return to;
}

struct board {
	u8 size, solutions;
	u16 columns;
	u32 down, up;
};

static struct board place(struct board b, int row)
{
	if (row == b.size) {
		b.solutions++;
		return b;
	}
	for (int c = 0; c < b.size; c++) {
		u32 d = 1u << (row + c), u = 1u << (row - c + b.size);
		if (b.columns >> c & 1 || b.down & d || b.up & u)
			continue;
		struct board next = b;
		next.columns |= 1 << c;
		next.down |= d;
		next.up |= u;
		b.solutions = place(next, row + 1).solutions;
	}
	return b;
}

static int grade(int n)
{
	switch (n) {
	case 0: return 'n';
	case 1: return 'o';
	case 2: return 't';
	case 4: return 'f';
	case 5: return 'v';
	case 10: return 'x';
	default: return '?';
	}
}

static int run(void)
{
	char line[8];
	int n = 0;
	for (int size = 1; size <= 4; size++) {
		struct board empty = {size, 0, 0, 0, 0};
		line[n++] = grade(place(empty, 0).solutions);
	}
	line[n++] = '\n';
	line[n] = 0;
	print(line);
	return 0;
}
