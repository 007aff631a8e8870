/* A floating-point program without a library: sums, roots, functions; prints the bits of what it finds. */
typedef unsigned long u32;
typedef union { double d; u32 w[2]; } Bits;

static long call(long n, long a, const char *b, long c)
{
	register long d0 __asm__("d0") = n, d1 __asm__("d1") = a, d3 __asm__("d3") = c;
	register const char *d2 __asm__("d2") = b;
	__asm__ volatile("trap #0" : "+d"(d0) : "d"(d1), "d"(d2), "d"(d3) : "memory");
	return d0;
}

static void show(double x)
{
	Bits b = {x};
	char text[17];
	for (int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[b.w[i / 8] >> (28 - i % 8 * 4) & 15];
	text[16] = '\n';
	call(4, 1, text, 17);
}

static double root(double x) { double y; __asm__("fsqrt%.x %1,%0" : "=f"(y) : "f"(x)); return y; }

static double a[6][6], b[6][6];

int main(void)
{
	double sum = 0, x = 1;
	for (int i = 1; i <= 60; i++) {
		sum += 1.0 / i;
		x = 0.5 * (x + 2.0 / x) + root(i) / (i + 7);
		if (i % 20 == 0)
			show(sum), show(x);
	}
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			a[i][j] = 1.0 / (i + j + 1), b[i][j] = (float)(i - j) / 3;
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++) {
			double s = 0;
			for (int k = 0; k < 6; k++)
				s += a[i][k] * b[k][j];
			if (s < 0 ? i == j : i + j == 5)
				show(s);
		}
	show((double)(long)(x * 1000.7));
	show((float)sum - sum);
	return 0;
}

void _start(void) { call(1, main(), 0, 0); for (;;) ; }
