"""The iterations of Krylov methods, whose products with the matrix the kernels fill in."""

from __future__ import annotations


def loop(method: str, lead: str, inner: str) -> str:
    """Iterations of a method: `lead` is the residual or its preconditioned form, `inner` an inner product."""
    dot = inner.format
    gradients = f"""
        $first
        for k in range(SIZE):
            p[k] = {lead}[k]
        rho = {dot("r", lead)}
        $limit
        taken = int(0)
        for iteration in range(max_iterations):
            $reached
            $apply_p
            curvature = {dot("p", "q")}
            # Stop on zero or negative curvature to avoid division by zero
            if curvature <= 1.0e-20:
                break
            alpha = rho / curvature
            for k in range(SIZE):
                $x = $x + alpha * p[k]
                r[k] = r[k] - alpha * q[k]
            $next
            rho_new = {dot("r", lead)}
            beta = rho_new / rho
            $steepest
            for k in range(SIZE):
                p[k] = {lead}[k] + beta * p[k]
            rho = rho_new
            taken += 1
        """
    residuals = f"""
        # Conjugate residuals: also valid for symmetric indefinite systems
        for k in range(SIZE):
            p[k] = r[k]
        $apply_r
        for k in range(SIZE):
            q[k] = Ar[k]
        rho = {dot("r", "Ar")}
        $limit
        taken = int(0)
        for iteration in range(max_iterations):
            $reached
            alpha = rho / {dot("q", "q")}
            for k in range(SIZE):
                $x = $x + alpha * p[k]
                r[k] = r[k] - alpha * q[k]
            $apply_r
            rho_new = {dot("r", "Ar")}
            beta = rho_new / rho
            # Update A p by recurrence, so only a single mat-vec is needed per iteration
            for k in range(SIZE):
                p[k] = r[k] + beta * p[k]
                q[k] = Ar[k] + beta * q[k]
            rho = rho_new
            taken += 1
        """
    stabilized = f"""
        # BiCGSTAB for nonsymmetric systems
        for k in range(SIZE):
            shadow[k] = r[k]
            p[k] = r[k]
        rho = {dot("r", "shadow")}
        $limit
        taken = int(0)
        for iteration in range(max_iterations):
            $reached
            $pre_p
            $apply_p
            alpha = rho / {dot("q", "shadow")}
            for k in range(SIZE):
                s_vec[k] = r[k] - alpha * q[k]
            # Stabilize with a minimal residual step, since plain BiCG oscillates
            $pre_s
            $apply_s
            tt = {dot("t_vec", "t_vec")}
            omega = {dot("t_vec", "s_vec")} / wp.max(tt, 1.0e-20)
            $update
            for k in range(SIZE):
                r[k] = s_vec[k] - omega * t_vec[k]
            taken += 1
            rho_new = {dot("r", "shadow")}
            # Breakdown: the residual is orthogonal to the shadow residual
            if wp.abs(rho_new) < 1.0e-20:
                break
            beta = rho_new / rho * alpha / omega
            for k in range(SIZE):
                p[k] = r[k] + beta * (p[k] - omega * q[k])
            rho = rho_new
        """
    return {"gradients": gradients, "residuals": residuals, "stabilized": stabilized}[method]
