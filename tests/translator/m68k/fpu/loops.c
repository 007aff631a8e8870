/* Long floating-point loops without a library: a product of matrices, planets, an elimination, a series; it
 * prints all the bits of what it finds. The coprocessor's registers are saved around calls. */
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

#define N 24
static double a[N][N], b[N][N], c[N][N];

static __attribute__((noinline)) double dot(const double *x, const double *y, int step, int n)
{
	double s = 0;
	for (int k = 0; k < n; k++)
		s += x[k] * y[k * step];
	return s;
}

static void matrices(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			a[i][j] = 1.0 / (i + j + 1), b[i][j] = (float)(i * 7 - j * 3) / 11;
	for (int times = 0; times < 4; times++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				c[i][j] = dot(a[i], &b[0][j], N, N) - c[j][i] / 3;
	for (int i = 0; i < N; i += 5)
		show(c[i][N - 1 - i]);
}

static double eliminate(void)
{
	double det = 1;
	for (int k = 0; k < N; k++) {
		for (int i = k; i < N; i++)
			c[i][k] += i == k ? 4 : 0;
		for (int i = k + 1; i < N; i++) {
			double f = c[i][k] / c[k][k];
			for (int j = k; j < N; j++)
				c[i][j] -= f * c[k][j];
		}
		det *= c[k][k];
	}
	return det;
}

static struct { double x, y, vx, vy, m; } p[3] = {
	{0, 0, 0, 0, 1}, {1, 0, 0, 1, 1e-3}, {-2.5, 0.25, 0.1, -0.6, 3e-4}};

static __attribute__((noinline)) double root(double v)
{
	double r = v > 1 ? v : 1;
	for (int i = 0; i < 9; i++)
		r = 0.5 * (r + v / r);
	return r;
}

static void planets(void)
{
	for (int step = 0; step < 400; step++) {
		for (int i = 0; i < 3; i++)
			for (int j = 0; j < 3; j++) {
				if (i == j)
					continue;
				double x = p[j].x - p[i].x, y = p[j].y - p[i].y, d = x * x + y * y;
				double f = p[j].m * 0.01 / (d * root(d));
				p[i].vx += f * x, p[i].vy += f * y;
			}
		for (int i = 0; i < 3; i++)
			p[i].x += 0.01 * p[i].vx, p[i].y += 0.01 * p[i].vy;
	}
	for (int i = 0; i < 3; i++)
		show(p[i].x), show(p[i].vy);
}

int main(void)
{
	matrices();
	show(eliminate());
	planets();
	float f = 0;
	double tiny = 1, sum = 0;
	for (int i = 1; i < 3000; i++) {
		f += (float)(i & 63) / (float)i;
		tiny *= i % 3 ? 0.75 : 1.0 / 3;
		sum = sum * 0.999 + (long)(f * (i % 17 - 8)) + tiny;
	}
	show(f), show(sum), show(tiny);
	return 0;
}

void _start(void) { call(1, main(), 0, 0); for (;;) ; }
