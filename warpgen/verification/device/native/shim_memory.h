// The second half of shim.h, behind it in the same header: memory, atomics, warps, and what is not modelled.

// ---- memory

template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldcg(const T* p) { return *p; }
template <class T> inline T __ldca(const T* p) { return *p; }
template <class T> inline T __ldcs(const T* p) { return *p; }
template <class T> inline T __ldlu(const T* p) { return *p; }
template <class T> inline T __ldcv(const T* p) { return *p; }
template <class T> inline void __stwb(T* p, T v) { *p = v; }
template <class T> inline void __stwt(T* p, T v) { *p = v; }
template <class T> inline void __stcg(T* p, T v) { *p = v; }
template <class T> inline void __stcs(T* p, T v) { *p = v; }
inline void __threadfence() { }
inline void __threadfence_block() { }
inline void __threadfence_system() { }
inline unsigned __isGlobal(const void*) { return 1; }
inline void __nanosleep(unsigned) { wg_spin(); }

template <class T> inline T wg_swap(T* p, T v)
{
    T old = *p;
    *p = v;
    return old;
}
#define WG_ATOMIC(T) \
    inline T atomicAdd(T* p, T v) { return wg_swap<T>(p, *p + v); } \
    inline T atomicSub(T* p, T v) { return wg_swap<T>(p, *p - v); } \
    inline T atomicMin(T* p, T v) { return wg_swap<T>(p, v < *p ? v : *p); } \
    inline T atomicMax(T* p, T v) { return wg_swap<T>(p, v > *p ? v : *p); } \
    inline T atomicAnd(T* p, T v) { return wg_swap<T>(p, *p & v); } \
    inline T atomicOr(T* p, T v) { return wg_swap<T>(p, *p | v); } \
    inline T atomicXor(T* p, T v) { return wg_swap<T>(p, *p ^ v); } \
    inline T atomicExch(T* p, T v) { wg_spin(); return wg_swap<T>(p, v); } \
    inline T atomicCAS(T* p, T was, T v) { wg_spin(); return wg_swap<T>(p, *p == was ? v : *p); }
WG_ATOMIC(int)
WG_ATOMIC(unsigned)
WG_ATOMIC(unsigned long long)
WG_ATOMIC(long long)
WG_ATOMIC(long)
WG_ATOMIC(unsigned long)
inline float atomicAdd(float* p, float v) { return wg_swap<float>(p, *p + v); }
inline double atomicAdd(double* p, double v) { return wg_swap<double>(p, *p + v); }
inline float atomicExch(float* p, float v) { wg_spin(); return wg_swap<float>(p, v); }
inline unsigned short atomicCAS(unsigned short* p, unsigned short was, unsigned short v)
{
    wg_spin();
    return wg_swap<unsigned short>(p, *p == was ? v : *p);
}
inline unsigned atomicInc(unsigned* p, unsigned most) { return wg_swap<unsigned>(p, *p >= most ? 0 : *p + 1); }
inline unsigned atomicDec(unsigned* p, unsigned most)
{
    return wg_swap<unsigned>(p, *p == 0 || *p > most ? most : *p - 1);
}

// Of the whole system, which is no more than all threads here.
template <class T> struct wg_same {
    using type = T;
};
#define WG_OF_SYSTEM(name) \
    template <class T> inline T name##_system(T* p, typename wg_same<T>::type v) { return name(p, v); }
WG_OF_SYSTEM(atomicAdd) WG_OF_SYSTEM(atomicSub) WG_OF_SYSTEM(atomicMin) WG_OF_SYSTEM(atomicMax) WG_OF_SYSTEM(atomicAnd)
WG_OF_SYSTEM(atomicOr) WG_OF_SYSTEM(atomicXor) WG_OF_SYSTEM(atomicExch) WG_OF_SYSTEM(atomicInc) WG_OF_SYSTEM(atomicDec)
template <class T>
inline T atomicCAS_system(T* p, typename wg_same<T>::type was, typename wg_same<T>::type v)
{
    return atomicCAS(p, was, v);
}

// ---- warps: the numbers are those of `Kind` in machine.cpp

#define WG_ALL 0xffffffffu
inline void __syncwarp(unsigned mask = WG_ALL) { wg_join(2, mask, 0, 0, 0); }

template <class T> inline T wg_shuffle(int kind, unsigned mask, T value, unsigned argument, int width)
{
    static_assert(sizeof(T) <= 8, "shuffles move up to eight bytes");
    unsigned long long moved = 0;
    memcpy(&moved, &value, sizeof(T));
    moved = wg_join(kind, mask, moved, argument, (unsigned)width);
    memcpy(&value, &moved, sizeof(T));
    return value;
}
#define WG_SHUFFLE(T) \
    inline T __shfl_sync(unsigned m, T v, int lane, int w = 32) { return wg_shuffle<T>(3, m, v, (unsigned)lane, w); } \
    inline T __shfl_up_sync(unsigned m, T v, unsigned d, int w = 32) { return wg_shuffle<T>(4, m, v, d, w); } \
    inline T __shfl_down_sync(unsigned m, T v, unsigned d, int w = 32) { return wg_shuffle<T>(5, m, v, d, w); } \
    inline T __shfl_xor_sync(unsigned m, T v, int b, int w = 32) { return wg_shuffle<T>(6, m, v, (unsigned)b, w); } \
    inline unsigned __match_any_sync(unsigned m, T v) \
    { \
        unsigned long long moved = 0; \
        memcpy(&moved, &v, sizeof(T)); \
        return (unsigned)wg_join(8, m, moved, 0, 0); \
    } \
    inline unsigned __match_all_sync(unsigned m, T v, int* all) \
    { \
        unsigned same = __match_any_sync(m, v), there = (unsigned)wg_join(7, m, 1, 0, 0); \
        *all = same == there; \
        return *all ? there : 0; \
    }
WG_SHUFFLE(int)
WG_SHUFFLE(unsigned)
WG_SHUFFLE(long)
WG_SHUFFLE(unsigned long)
WG_SHUFFLE(long long)
WG_SHUFFLE(unsigned long long)
WG_SHUFFLE(float)
WG_SHUFFLE(double)

inline unsigned __ballot_sync(unsigned mask, int yes) { return (unsigned)wg_join(7, mask, yes != 0, 0, 0); }
inline int __any_sync(unsigned mask, int yes) { return __ballot_sync(mask, yes) != 0; }
inline int __all_sync(unsigned mask, int yes) { return __ballot_sync(mask, !yes) == 0; }
#define WG_REDUCE(T, is_signed) \
    inline T __reduce_add_sync(unsigned m, T v) { return (T)wg_join(9, m, (unsigned)v, is_signed, 0); } \
    inline T __reduce_min_sync(unsigned m, T v) { return (T)wg_join(10, m, (unsigned)v, is_signed, 0); } \
    inline T __reduce_max_sync(unsigned m, T v) { return (T)wg_join(11, m, (unsigned)v, is_signed, 0); }
WG_REDUCE(int, 1)
WG_REDUCE(unsigned, 0)
inline unsigned __reduce_and_sync(unsigned m, unsigned v) { return (unsigned)wg_join(12, m, v, 0, 0); }
inline unsigned __reduce_or_sync(unsigned m, unsigned v) { return (unsigned)wg_join(13, m, v, 0, 0); }
inline unsigned __reduce_xor_sync(unsigned m, unsigned v) { return (unsigned)wg_join(14, m, v, 0, 0); }

// ---- what is not modelled

template <class T> inline T wg_texture()
{
    wg_fail("textures are not modelled");
    return T {};
}
template <class T> inline T tex1D(unsigned long long, float) { return wg_texture<T>(); }
template <class T> inline T tex2D(unsigned long long, float, float) { return wg_texture<T>(); }
template <class T> inline T tex3D(unsigned long long, float, float, float) { return wg_texture<T>(); }
template <class T> inline T tex1DLod(unsigned long long, float, float) { return wg_texture<T>(); }
template <class T> inline T tex2DLod(unsigned long long, float, float, float) { return wg_texture<T>(); }
template <class T> inline T tex3DLod(unsigned long long, float, float, float, float) { return wg_texture<T>(); }
