// The library's functions, in the best instruction set that this processor has, or in a lower one that was asked for.
#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include "dense_api.hpp"
#include "partitions.hpp"
#include "stack.hpp"
#include "truncated_api.hpp"

namespace gmmkit {

#define DECLARE(target)                                             \
    namespace target {                                              \
    void run(const Problem&, const Run&);                           \
    void begin(const Problem&, const std::int32_t*, const Run&);    \
    void classify(const Problem&, const Run&, std::int32_t*);       \
    void lloyd(const double*, const double*, int, int, int, double, int, double*); \
    void assign_nearest(const double*, int, int, int, const double*, std::int32_t*); \
    void plus_plus(const double*, const double*, int, int, int, int, int, const double*, double*, std::int32_t*); \
    void smallest_eigenvalues(const double*, const double*, const std::int32_t*, int, int, double*); \
    void dense_pass(const DenseRows&, const DenseMixture&, const DenseSums&, DenseBlocks&);          \
    void dense_answer(const DenseRows&, const DenseMixture&, const DenseAnswers&, std::int64_t*);    \
    void dense_run(const DenseRows&, DenseRun&);                                                     \
    void full_refit(const FullRefit&, std::int64_t*);                                                \
    void truncated_assign(const Components&, const TruncatedRows&, const Candidates&); \
    void truncated_connect(const Components&, const Graph&, const Candidates&); \
    void truncated_largest(const float*, int, int, int, std::int32_t*); \
    void truncated_points(const DenseRows&, const std::int64_t*, int, int, double*); \
    }
DECLARE(baseline)
#ifdef GMMKIT_X86
DECLARE(avx2)
DECLARE(avx512)
#endif

static int best_target() {
#ifdef GMMKIT_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return 2;
    if (avx2) return 1;
#endif
    return 0;
}

static std::atomic<int> target{best_target()};

}  // namespace gmmkit

using namespace gmmkit;

#ifdef GMMKIT_X86
#define CHOOSE(call)                        \
    switch (target.load()) {                 \
        case 2: avx512::call; break;        \
        case 1: avx2::call; break;          \
        default: baseline::call;            \
    }
#else
#define CHOOSE(call) baseline::call;
#endif

// Call; 0, or 1 where there was too little memory: no exception may leave a C function.
#define GUARDED(call)               \
    try {                           \
        CHOOSE(call)                \
    } catch (const std::bad_alloc&) { \
        return 1;                   \
    }                               \
    return 0;

#define ARGUMENTS                                                                                                  \
    const double *z, const double *weights, int own_weights, int n, int d, int count, const std::int32_t *structures, \
        const std::int32_t *sizes, const std::int64_t *offsets, const double *pseudo, const double *units,          \
        double *mixture_weights, double *means, double *covariances, int n_threads, std::int32_t *status,           \
        const std::int32_t *interrupted
#define PROBLEM {z, weights, own_weights != 0, n, d, count, structures, sizes, offsets, pseudo, units}

extern "C" {

// What this library was compiled from.
const char* gmmkit_sources() { return GMMKIT_SOURCES; }

int gmmkit_instruction_set() { return target; }

// Use a set that this processor has, 0 to the best, from now on; 1: it has not, and nothing is changed.
int gmmkit_use_instruction_set(int wanted) {
    if (wanted < 0 || wanted > best_target()) return 1;
    target = wanted;
    return 0;
}

int gmmkit_stack_run(ARGUMENTS, int max_iter, double tol, double* objectives, double* log_likelihoods,
                      double* log_certainties, std::int32_t* passes, double* traces) {
    const Problem problem = PROBLEM;
    const Run settings = {mixture_weights, means, covariances, max_iter, tol, n_threads, objectives,
                          log_likelihoods, log_certainties, passes, status, traces, interrupted};
    GUARDED(run(problem, settings))
}

// `before` holds the objectives known before the first pass, and those of the last pass afterwards.
int gmmkit_stack_run_plain(ARGUMENTS, int max_iter, double tol, double needed, double* before, std::int32_t* passes,
                           double* traces) {
    Run settings = {mixture_weights, means, covariances, max_iter, tol, n_threads, before,
                    nullptr, nullptr, passes, status, traces, interrupted};
    settings.plain = true;
    settings.needed = needed;
    const Problem problem = PROBLEM;
    GUARDED(run(problem, settings))
}

int gmmkit_stack_begin(ARGUMENTS, const std::int32_t* labels, double* objectives) {
    const Problem problem = PROBLEM;
    const Run settings = {mixture_weights, means, covariances, 0, 0.0, n_threads, objectives,
                          nullptr, nullptr, nullptr, status, nullptr, interrupted};
    GUARDED(begin(problem, labels, settings))
}

int gmmkit_stack_classify(ARGUMENTS, std::int32_t* labels) {
    const Problem problem = PROBLEM;
    const Run settings = {mixture_weights, means, covariances, 0, 0.0, n_threads, nullptr,
                          nullptr, nullptr, nullptr, status, nullptr, interrupted};
    GUARDED(classify(problem, settings, labels))
}

// Of W A Wᵀ, for matrices A (count, d, d) and for each one of the matrices W.
int gmmkit_smallest_eigenvalues(const double* matrices, const double* white, const std::int32_t* which, int count,
                                 int d, double* out) {
    GUARDED(smallest_eigenvalues(matrices, white, which, count, d, out))
}

// Take part in a pass whose blocks are shared among all threads that call this; one of them waits until it is over.
int gmmkit_dense_pass(const DenseRows* rows, const DenseMixture* mixture, const DenseSums* sums, DenseBlocks* blocks,
                      const bool* waits) {
    try {
        CHOOSE(dense_pass(*rows, *mixture, *sums, *blocks))
    } catch (const std::bad_alloc&) {
        blocks->fail();
    }
    // The others are at their last block, unless the system has something else to do.
    for (int i = 0; *waits && !blocks->is_over(); ++i) {
        if (i < 1000) std::this_thread::yield();
        else std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return blocks->has_failed();
}

int gmmkit_dense_answer(const DenseRows* rows, const DenseMixture* mixture, const DenseAnswers* answers,
                         std::int64_t* lost) {
    GUARDED(dense_answer(*rows, *mixture, *answers, lost))
}

int gmmkit_dense_run(const DenseRows* rows, DenseRun* run) { GUARDED(dense_run(*rows, *run)) }

int gmmkit_full_refit(const FullRefit* asked, std::int64_t* without_factor) {
    GUARDED(full_refit(*asked, without_factor))
}

int gmmkit_lloyd(const double* z, const double* weights, int n, int d, int k, double enough, int most, double* centres) {
    GUARDED(lloyd(z, weights, n, d, k, enough, most, centres))
}

int gmmkit_assign_nearest(const double* z, int n, int d, int k, const double* centres, std::int32_t* nearest) {
    GUARDED(assign_nearest(z, n, d, k, centres, nearest))
}

int gmmkit_plus_plus(const double* z, const double* weights, int n, int d, int from, int to, int trials,
                     const double* uniforms, double* distances, std::int32_t* seeds) {
    GUARDED(plus_plus(z, weights, n, d, from, to, trials, uniforms, distances, seeds))
}

int gmmkit_partition_keys(const std::int32_t* labels, const std::uint64_t* marks, int count, int n, int groups,
                           std::uint64_t* keys) {
    try {
        partition_keys(labels, marks, count, n, groups, keys);
    } catch (const std::bad_alloc&) {
        return 1;
    }
    return 0;
}

#define COMPONENTS                                                                                             \
    int k, int d, int width, int full, const double *constants, const double *parameters, const float *narrow, \
        const float *errors, double slack
#define GIVEN_COMPONENTS \
    {k, d, width, full ? 1 + d : 2, full != 0, constants, parameters, narrow, errors, slack}
#define CANDIDATES                                                                                                   \
    const std::int32_t *neighbours, int n_neighbours, int n_hops, int beam, int n_random,                            \
        const std::int32_t *entries, int n_entries, int n_cells, const std::int32_t *starts,                         \
        const std::int32_t *members, std::uint64_t key
#define GIVEN_CANDIDATES \
    {neighbours, n_neighbours, n_hops, beam, n_random, entries, n_entries, n_cells, starts, members, key}

int gmmkit_truncated_assign(COMPONENTS, CANDIDATES, const double* z, const double* weights, const std::uint64_t* keys,
                             int n, int truncation, std::int32_t* kept, double* values, double* counts, double* sums) {
    const Components components = GIVEN_COMPONENTS;
    const Candidates from = GIVEN_CANDIDATES;
    const TruncatedRows rows = {z, weights, keys, n, truncation, kept, values, counts, sums};
    GUARDED(truncated_assign(components, rows, from))
}

int gmmkit_truncated_connect(COMPONENTS, CANDIDATES, const double* spread, const double* precisions, int n_found,
                              int start, int stop, std::int32_t* found) {
    const Components components = GIVEN_COMPONENTS;
    const Candidates from = GIVEN_CANDIDATES;
    const Graph graph = {spread, precisions, found, n_found, start, stop};
    GUARDED(truncated_connect(components, graph, from))
}

// The places of the `size` largest of each row of values (n, m), 16 at most.
int gmmkit_truncated_largest(const float* values, int n, int m, int size, std::int32_t* found) {
    GUARDED(truncated_largest(values, n, m, size, found))
}

int gmmkit_truncated_points(const DenseRows* from, const std::int64_t* order, int n, int width, double* z) {
    GUARDED(truncated_points(*from, order, n, width, z))
}
}
