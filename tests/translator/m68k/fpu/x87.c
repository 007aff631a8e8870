/* Reads cases "op pc rc ase am bse bm" (hex) and prints "se m flags": the host's x87 as a second implementation. */
#include <stdio.h>
#include <stdint.h>
#include <string.h>
typedef long double X;
static X make(unsigned se, uint64_t m) { X x = 0; memcpy(&x, &m, 8); uint16_t s = se; memcpy((char *)&x + 8, &s, 2); return x; }
int main(void)
{
	unsigned op, pc, rc, ase, bse; unsigned long long am, bm;
	while (scanf("%x %x %x %x %llx %x %llx", &op, &pc, &rc, &ase, &am, &bse, &bm) == 7) {
		static const int precision[] = {3, 0, 2, 3}, rounding[] = {0, 3, 1, 2};
		uint16_t cw = 0x3f | precision[pc] << 8 | rounding[rc] << 10, old, sw; uint64_t m; uint16_t se; uint32_t low = 0; uint64_t low8 = 0;
		X a = make(ase, am), b = make(bse, bm), r = 0;
		__asm__ volatile("fnstcw %0" : "=m"(old));
		__asm__ volatile("fldcw %0\n\tfnclex" : : "m"(cw));
		switch (op) {
		case 0x22: __asm__ volatile("fldt %2\n\tfldt %3\n\tfaddp\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a), "m"(b)); break;
		case 0x28: __asm__ volatile("fldt %3\n\tfldt %2\n\tfsubrp %%st,%%st(1)\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a), "m"(b)); break;
		case 0x23: __asm__ volatile("fldt %2\n\tfldt %3\n\tfmulp\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a), "m"(b)); break;
		case 0x20: __asm__ volatile("fldt %3\n\tfldt %2\n\tfdivrp %%st,%%st(1)\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a), "m"(b)); break;
		case 0x04: __asm__ volatile("fldt %2\n\tfsqrt\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a)); break;
		case 0x01: __asm__ volatile("fldt %2\n\tfrndint\n\tfnstsw %1\n\tfstpt %0" : "=m"(r), "=m"(sw) : "m"(a)); break;
		case 0x100: __asm__ volatile("fldt %2\n\tfstps %0\n\tfnstsw %1" : "=m"(low), "=m"(sw) : "m"(a)); break;
		case 0x101: __asm__ volatile("fldt %2\n\tfstpl %0\n\tfnstsw %1" : "=m"(low8), "=m"(sw) : "m"(a)); break;
		case 0x102: __asm__ volatile("fldt %2\n\tfistpl %0\n\tfnstsw %1" : "=m"(low), "=m"(sw) : "m"(a)); break;
		default: return 1;
		}
		__asm__ volatile("fnclex\n\tfldcw %0" : : "m"(old));
		if (op >= 0x100) m = op == 0x101 ? low8 : low, se = 0;
		else memcpy(&m, &r, 8), memcpy(&se, (char *)&r + 8, 2);
		printf("%x %llx %x\n", se, (unsigned long long)m, sw & 0x3f);
	}
	return 0;
}
