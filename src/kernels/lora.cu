// The low-rank half of a mixed batch on the device: BGMV and SGMV (Punica: Chen et al. 2023, arXiv 2310.18547; S-LoRA: Sheng et al. 2023,
// arXiv 2311.03285). The CPU twins are src/serve/kernels/bgmv.rs and sgmv.rs.
//
//   y_i += s · (B (A x_i) + bias)     for every row i, with the factors of the row's own adapter, or none
//   shrink: v_i = A x_i               expand: y_i += s · (B v_i + bias)
//
// Each adapter's factors are a piece of memory of their own: A of adapter n begins at a[n], (rank, in), B transposed at b[n], (rank, out), its
// bias at bias[n] or nowhere. Ranks may differ and nothing is padded; an adapter that leaves the projection alone has rank 0. `widest` is the
// largest rank: a row of v has that many places. Everything is in f32, as adapters and activations are on any base.

#define WARP 32
#define FULL 0xffffffffu

struct Adapters {
    const float *const *a;
    const float *const *b;
    const float *const *bias;
    const int *rank;
    const float *scale;
};

#define ADAPTERS const float *const *a, const float *const *b, const float *const *bias, const int *rank, const float *scale
#define GATHERED Adapters{a, b, bias, rank, scale}

__device__ float warp_sum(float sum) {
    for (int step = WARP / 2; step > 0; step /= 2) sum += __shfl_down_sync(FULL, sum, step);
    return sum;
}

// The sum over a block of threads; the first thread has it.
__device__ float block_sum(float sum) {
    __shared__ float parts[WARP];
    sum = warp_sum(sum);
    if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = sum;
    __syncthreads();
    sum = threadIdx.x < blockDim.x / WARP ? parts[threadIdx.x] : 0.0f;
    sum = warp_sum(sum);
    // Whoever calls again may overwrite the parts.
    __syncthreads();
    return sum;
}

// A scalar product by one block of threads; the first thread has it.
__device__ float dot(const float *a, const float *x, size_t width) {
    float sum = 0.0f;
    for (size_t i = threadIdx.x; i < width; i += blockDim.x) sum += a[i] * x[i];
    return block_sum(sum);
}

// What adapter n adds to a row's output `col`; the row's v has its rank numbers.
__device__ float column(const Adapters &s, int n, const float *v, size_t col, size_t out) {
    float sum = s.bias[n] ? s.bias[n][col] : 0.0f;
    for (int k = 0; k < s.rank[n]; k++) sum += v[k] * s.b[n][k * out + col];
    return s.scale[n] * sum;
}

// Grid (rows, widest). index[i] is the adapter of row i, or -1. Reads each row of x once for each rank and the row's own A; writes v.
extern "C" __global__ void bgmv_shrink(float *v, const float *x, const int *index, ADAPTERS, size_t width, int widest) {
    Adapters s = GATHERED;
    int row = blockIdx.x, k = blockIdx.y, n = index[row];
    if (n < 0 || k >= s.rank[n]) return;
    float sum = dot(s.a[n] + k * width, x + (size_t)row * width, width);
    if (threadIdx.x == 0) v[(size_t)row * widest + k] = sum;
}

// Grid (rows, out / threads). Reads v and the row's own B; reads and writes y once.
extern "C" __global__ void bgmv_expand(float *y, const float *v, const int *index, ADAPTERS, size_t out, int widest) {
    Adapters s = GATHERED;
    int row = blockIdx.x, n = index[row];
    size_t col = (size_t)blockIdx.y * blockDim.x + threadIdx.x;
    if (n < 0 || col >= out) return;
    y[(size_t)row * out + col] += column(s, n, v + (size_t)row * widest, col, out);
}

// Grid (segments, widest). Segment g is rows order[start[g]] … order[start[g + 1] - 1], all of adapter owner[g]: a row of A is read once for all.
extern "C" __global__ void sgmv_shrink(
    float *v, const float *x, const int *order, const int *start, const int *owner, ADAPTERS, size_t width, int widest
) {
    Adapters s = GATHERED;
    int g = blockIdx.x, k = blockIdx.y, n = owner[g];
    if (k >= s.rank[n]) return;
    const float *factor = s.a[n] + k * width;
    for (int place = start[g]; place < start[g + 1]; place++) {
        size_t row = order[place];
        float sum = dot(factor, x + row * width, width);
        if (threadIdx.x == 0) v[row * widest + k] = sum;
    }
}

// Grid (segments, out / threads): a thread keeps to its column of B for all rows of the segment.
extern "C" __global__ void sgmv_expand(
    float *y, const float *v, const int *order, const int *start, const int *owner, ADAPTERS, size_t out, int widest
) {
    Adapters s = GATHERED;
    int g = blockIdx.x, n = owner[g];
    size_t col = (size_t)blockIdx.y * blockDim.x + threadIdx.x;
    if (col >= out) return;
    for (int place = start[g]; place < start[g + 1]; place++) {
        size_t row = order[place];
        y[row * out + col] += column(s, n, v + row * widest, col, out);
    }
}
