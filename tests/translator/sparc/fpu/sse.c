/* One operation per line of standard input on the host's SSE: NAME RD A B, all but NAME hexadecimal.
   Prints the result's bits and the exceptions, in the order of FSR's aexc. */
#include <fenv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>
#pragma STDC FENV_ACCESS ON

static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD, FE_DOWNWARD };

static float single(uint64_t bits) { uint32_t low = bits; float v; memcpy(&v, &low, 4); return v; }
static double real(uint64_t bits) { double v; memcpy(&v, &bits, 8); return v; }
static uint64_t of_single(float v) { uint32_t bits; memcpy(&bits, &v, 4); return bits; }
static uint64_t of_real(double v) { uint64_t bits; memcpy(&bits, &v, 8); return bits; }

int main(void)
{
	char name[16];
	unsigned rd;
	unsigned long long a, b;
	while (scanf("%15s %x %llx %llx", name, &rd, &a, &b) == 4) {
		volatile float x = single(a), y = single(b), r = 0;
		volatile double u = real(a), v = real(b), w = 0;
		uint64_t out = 0;
		fesetround(modes[rd]);
		feclearexcept(FE_ALL_EXCEPT);
#define IS(n) (!strcmp(name, n))
#define S(n, e) else if (IS(n)) { r = (e); out = of_single(r); }
#define D(n, e) else if (IS(n)) { w = (e); out = of_real(w); }
		if (0) ;
		S("fadds", x + y) S("fsubs", x - y) S("fmuls", x * y) S("fdivs", x / y) S("fsqrts", sqrtf(y))
		D("faddd", u + v) D("fsubd", u - v) D("fmuld", u * v) D("fdivd", u / v) D("fsqrtd", sqrt(v))
		D("fsmuld", (double)x * (double)y) D("fstod", (double)y) S("fdtos", (float)v)
		S("fitos", (float)(int32_t)b) D("fitod", (double)(int32_t)b)
		else if (IS("fstoi")) out = (uint32_t)(int32_t)y;
		else if (IS("fdtoi")) out = (uint32_t)(int32_t)v;
		int e = fetestexcept(FE_ALL_EXCEPT);
		fesetround(FE_TONEAREST);
		printf("%llx %x\n", (unsigned long long)out, !!(e & FE_INVALID) << 4 | !!(e & FE_OVERFLOW) << 3 |
		       !!(e & FE_UNDERFLOW) << 2 | !!(e & FE_DIVBYZERO) << 1 | !!(e & FE_INEXACT));
	}
	return 0;
}
