// CUDA's language and its functions for a compiler of C++: put before Warp's headers, whose CUDA branch it switches on.
//
// Threads are those of machine.cpp, one at a time, so that an atomic function is a plain one.

#pragma once
#pragma clang diagnostic ignored "-Wundefined-inline"

#define __CUDACC__ 1
#define __CUDACC_RTC__ 1
#define __CUDA_ARCH__ 900
#define WP_ENABLE_MATHDX 1
#undef __clang__ // else Warp takes it for clang's own CUDA

#define __host__
#define __device__
#define __global__
#define __constant__ static const
#define __managed__ static
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __maxnreg__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section(".bss.wg_shared")))
#define __debugbreak wg_breakpoint

using size_t = unsigned long;

extern "C" {
int printf(const char*, ...);
void* memset(void*, int, size_t);
void* memcpy(void*, const void*, size_t);
void* memmove(void*, const void*, size_t);
void* malloc(size_t);
void free(void*);
[[noreturn]] void abort();
void _wp_assert(const char*, const char*, unsigned int);

void __syncthreads();
int __syncthreads_count(int);
int __syncthreads_and(int);
int __syncthreads_or(int);
unsigned __activemask();
unsigned long long wg_join(int kind, unsigned mask, unsigned long long value, unsigned argument, unsigned width);
void wg_spin();
void wg_store();
void wg_fail(const char*);
void wg_hold(const void*, size_t);
extern int wg_armed;
extern char* wg_dynamic;
}

inline void wg_assert(const char* expression, const char* file, unsigned line)
{
    if (wg_armed)
        _wp_assert(expression, file, line);
}
#ifndef NULL
#define NULL 0
#endif
#undef NDEBUG
#define assert(e) ((e) ? (void)0 : wg_assert(#e, __FILE__, __LINE__))
inline void __trap() { _wp_assert("__trap()", "", 0); }
inline void __brkpt() { }

// ---- threads and vectors

// A part of a vector that takes no room: where the vector is copied, it looks where both lie.
template <size_t alignment> struct wg_place {
    wg_place() = default;
    constexpr wg_place(const wg_place& from) { from.hold(); }
    constexpr wg_place& operator=(const wg_place& from)
    {
        hold(), from.hold();
        return *this;
    }
    constexpr void hold() const
    {
        if (!__builtin_is_constant_evaluated())
            wg_hold(this, alignment);
    }
};
#define WG_PLACE(n) [[no_unique_address]] wg_place<n> wg_at
#define WG_VECTOR(name, T, a) \
    struct name##1 { T x; }; \
    struct __attribute__((aligned(2 * a))) name##2 { T x, y; WG_PLACE(2 * a); }; \
    struct name##3 { T x, y, z; }; \
    struct __attribute__((aligned(4 * a < 16 ? 4 * a : 16))) name##4 { T x, y, z, w; WG_PLACE(4 * a < 16 ? 4 * a : 16); }; \
    inline name##1 make_##name##1(T x) { return { x }; } \
    inline name##2 make_##name##2(T x, T y) { return { x, y }; } \
    inline name##3 make_##name##3(T x, T y, T z) { return { x, y, z }; } \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return { x, y, z, w }; }
WG_VECTOR(char, signed char, 1)
WG_VECTOR(uchar, unsigned char, 1)
WG_VECTOR(short, short, 2)
WG_VECTOR(ushort, unsigned short, 2)
WG_VECTOR(int, int, 4)
WG_VECTOR(uint, unsigned, 4)
WG_VECTOR(longlong, long long, 8)
WG_VECTOR(ulonglong, unsigned long long, 8)
WG_VECTOR(float, float, 4)
WG_VECTOR(double, double, 8)

// That part has no name of its own in `auto [x, y] = ...`.
namespace std {
template <class T> struct tuple_size;
template <size_t place, class T> struct tuple_element;
}
#define WG_NAMED(name, T, n) \
    template <> struct std::tuple_size<name> { \
        static constexpr size_t value = n; \
    }; \
    template <size_t place> struct std::tuple_element<place, name> { \
        using type = T; \
    }; \
    template <size_t place> inline T& get(name& v) { return (&v.x)[place]; } \
    template <size_t place> inline const T& get(const name& v) { return (&v.x)[place]; } \
    template <size_t place> inline T&& get(name&& v) { return static_cast<T&&>((&v.x)[place]); }
#define WG_BOTH(name, T) WG_NAMED(name##2, T, 2) WG_NAMED(name##4, T, 4)
WG_BOTH(char, signed char) WG_BOTH(uchar, unsigned char) WG_BOTH(short, short) WG_BOTH(ushort, unsigned short)
WG_BOTH(int, int) WG_BOTH(uint, unsigned) WG_BOTH(longlong, long long) WG_BOTH(ulonglong, unsigned long long)
WG_BOTH(float, float) WG_BOTH(double, double)

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1)
        : x(a)
        , y(b)
        , z(c)
    {
    }
};
extern "C" {
extern const uint3 threadIdx, blockIdx;
extern const uint3 blockDim, gridDim;
}
constexpr int warpSize = 32;

// ---- mathematics: what CUDA declares by itself

#define WG_ONE(name) \
    extern "C" double name(double); \
    extern "C" float name##f(float); \
    inline float name(float x) { return name##f(x); }
#define WG_TWO(name) \
    extern "C" double name(double, double); \
    extern "C" float name##f(float, float); \
    inline float name(float x, float y) { return name##f(x, y); }
WG_ONE(sin) WG_ONE(cos) WG_ONE(tan) WG_ONE(asin) WG_ONE(acos) WG_ONE(atan) WG_ONE(sinh) WG_ONE(cosh) WG_ONE(tanh)
WG_ONE(asinh) WG_ONE(acosh) WG_ONE(atanh) WG_ONE(exp) WG_ONE(exp2) WG_ONE(expm1) WG_ONE(log) WG_ONE(log2) WG_ONE(log10)
WG_ONE(log1p) WG_ONE(sqrt) WG_ONE(cbrt) WG_ONE(floor) WG_ONE(ceil) WG_ONE(trunc) WG_ONE(round) WG_ONE(rint)
WG_ONE(nearbyint) WG_ONE(fabs) WG_ONE(erf) WG_ONE(erfc) WG_ONE(erfinv) WG_ONE(erfcinv) WG_ONE(tgamma) WG_ONE(lgamma)
WG_ONE(j0) WG_ONE(j1)
WG_TWO(pow) WG_TWO(fmod) WG_TWO(atan2) WG_TWO(hypot) WG_TWO(fmin) WG_TWO(fmax) WG_TWO(copysign) WG_TWO(remainder)
WG_TWO(fdim) WG_TWO(nextafter)
extern "C" {
int abs(int);
long labs(long);
long long llabs(long long);
double fma(double, double, double);
float fmaf(float, float, float);
double ldexp(double, int);
float ldexpf(float, int);
double frexp(double, int*);
float frexpf(float, int*);
double modf(double, double*);
float modff(float, float*);
long lrint(double);
long lrintf(float);
long lround(double);
long lroundf(float);
}
inline float abs(float x) { return fabsf(x); }
inline double abs(double x) { return fabs(x); }
inline long abs(long x) { return labs(x); }
inline long long abs(long long x) { return llabs(x); }
inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
inline float ldexp(float x, int e) { return ldexpf(x, e); }
inline float frexp(float x, int* e) { return frexpf(x, e); }
inline float modf(float x, float* whole) { return modff(x, whole); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline double rcbrt(double x) { return 1.0 / cbrt(x); }
inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
inline double exp10(double x) { return pow(10.0, x); }
inline float exp10f(float x) { return powf(10.0f, x); }
inline double sinpi(double x) { return sin(x * 3.14159265358979323846); }
inline float sinpif(float x) { return (float)sinpi((double)x); }
inline double cospi(double x) { return cos(x * 3.14159265358979323846); }
inline float cospif(float x) { return (float)cospi((double)x); }
inline void sincos(double x, double* s, double* c) { *s = sin(x), *c = cos(x); }
inline void sincosf(float x, float* s, float* c) { *s = sinf(x), *c = cosf(x); }
inline void sincos(float x, float* s, float* c) { sincosf(x, s, c); }
inline double norm3d(double x, double y, double z) { return sqrt(x * x + y * y + z * z); }
inline float norm3df(float x, float y, float z) { return sqrtf(x * x + y * y + z * z); }
inline bool isnan(float x) { return x != x; }
inline bool isnan(double x) { return x != x; }
inline bool isinf(float x) { return __builtin_isinf(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(float x) { return __builtin_isfinite(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }
inline bool signbit(float x) { return __builtin_signbit(x); }
inline bool signbit(double x) { return __builtin_signbit(x); }

#define WG_ORDERED(T) \
    inline T min(T a, T b) { return a < b ? a : b; } \
    inline T max(T a, T b) { return a > b ? a : b; }
WG_ORDERED(int) WG_ORDERED(unsigned) WG_ORDERED(long) WG_ORDERED(unsigned long) WG_ORDERED(long long)
WG_ORDERED(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// Fast and rounded forms are exact here, and rounded to the nearest.
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline void __sincosf(float x, float* s, float* c) { sincosf(x, s, c); }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return exp10f(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x != x ? 0.0f : x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __drcp_rn(double x) { return 1.0 / x; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

// A float out of an integer's range becomes the nearest that is in it, and no number 0.
template <class I> inline I wg_to(double x, I least, I most)
{
    return x != x ? I(0) : x <= (double)least ? least : x >= (double)most ? most : (I)x;
}
#define WG_LEAST (-9223372036854775807LL - 1)
#define WG_TO(from, F) \
    inline int __##from##2int_rn(F x) { return wg_to<int>(rint((double)x), -2147483647 - 1, 2147483647); } \
    inline int __##from##2int_rz(F x) { return wg_to<int>(trunc((double)x), -2147483647 - 1, 2147483647); } \
    inline int __##from##2int_rd(F x) { return wg_to<int>(floor((double)x), -2147483647 - 1, 2147483647); } \
    inline int __##from##2int_ru(F x) { return wg_to<int>(ceil((double)x), -2147483647 - 1, 2147483647); } \
    inline unsigned __##from##2uint_rn(F x) { return wg_to<unsigned>(rint((double)x), 0, 4294967295u); } \
    inline unsigned __##from##2uint_rz(F x) { return wg_to<unsigned>(trunc((double)x), 0, 4294967295u); } \
    inline unsigned __##from##2uint_rd(F x) { return wg_to<unsigned>(floor((double)x), 0, 4294967295u); } \
    inline unsigned __##from##2uint_ru(F x) { return wg_to<unsigned>(ceil((double)x), 0, 4294967295u); } \
    inline long long __##from##2ll_rn(F x) { return wg_to<long long>(rint((double)x), WG_LEAST, ~WG_LEAST); } \
    inline long long __##from##2ll_rz(F x) { return wg_to<long long>(trunc((double)x), WG_LEAST, ~WG_LEAST); } \
    inline long long __##from##2ll_rd(F x) { return wg_to<long long>(floor((double)x), WG_LEAST, ~WG_LEAST); } \
    inline long long __##from##2ll_ru(F x) { return wg_to<long long>(ceil((double)x), WG_LEAST, ~WG_LEAST); }
WG_TO(float, float)
WG_TO(double, double)
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }
inline double __int2double_rn(int x) { return (double)x; }
inline double __uint2double_rn(unsigned x) { return (double)x; }
inline float __ll2float_rn(long long x) { return (float)x; }
inline double __ll2double_rn(long long x) { return (double)x; }
inline float __ull2float_rn(unsigned long long x) { return (float)x; }
inline double __ull2double_rn(unsigned long long x) { return (double)x; }
inline float __double2float_rn(double x) { return (float)x; }

// ---- bits

template <class To, class From> inline To wg_bits(From x)
{
    static_assert(sizeof(To) == sizeof(From), "of one size");
    To made;
    memcpy(&made, &x, sizeof(To));
    return made;
}
inline int __float_as_int(float x) { return wg_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return wg_bits<unsigned>(x); }
inline float __int_as_float(int x) { return wg_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return wg_bits<float>(x); }
inline long long __double_as_longlong(double x) { return wg_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return wg_bits<double>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) { return __builtin_bitreverse32(x); }
inline unsigned long long __brevll(unsigned long long x) { return __builtin_bitreverse64(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
inline unsigned __usad(unsigned a, unsigned b, unsigned c) { return c + (a > b ? a - b : b - a); }
inline unsigned __sad(int a, int b, unsigned c) { return c + (a > b ? (unsigned)a - (unsigned)b : (unsigned)b - (unsigned)a); }
inline int __hadd(int a, int b) { return (int)(((long long)a + b) >> 1); }
inline int __rhadd(int a, int b) { return (int)(((long long)a + b + 1) >> 1); }
inline unsigned __uhadd(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a + b) >> 1); }
inline unsigned __urhadd(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a + b + 1) >> 1); }
inline int __mul24(int a, int b) { return (a << 8 >> 8) * (b << 8 >> 8); }
inline unsigned __umul24(unsigned a, unsigned b) { return (a & 0xFFFFFF) * (b & 0xFFFFFF); }
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned n)
{
    return (unsigned)((((unsigned long long)high << 32 | low) << (n & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned n)
{
    return (unsigned)(((unsigned long long)high << 32 | low) >> (n & 31));
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s)
{
    unsigned long long all = (unsigned long long)b << 32 | a;
    unsigned made = 0;
    for (int i = 0; i < 4; i++) {
        unsigned pick = s >> 4 * i & 15, byte = (unsigned)(all >> 8 * (pick & 7)) & 255;
        made |= (pick & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * i;
    }
    return made;
}
