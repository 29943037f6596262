# Audits a GKE cluster at the end of each apply, and fails the apply if there are findings.
#
# Use it as a root module, or as a module in yours. `cluster` can refer to an attribute of a google_container_cluster, which is
# known after the apply, so the audit runs after the cluster is created. It uses no provider.

terraform {
  required_version = ">= 1.4"
}

locals {
  name = "projects/${var.project}/locations/${var.location}/clusters/${var.cluster}"
}

resource "terraform_data" "posture" {
  # The provisioner runs when the resource is created or replaced. A new timestamp replaces it at each apply. Set `triggers` to
  # run it only when something changes, such as the cluster's version.
  triggers_replace = var.triggers == null ? { always = timestamp() } : var.triggers

  provisioner "local-exec" {
    # Add-ons and node pools can still change after the control plane responds. A run that could not read the cluster
    # (exit status 3 or 4) is retried. A run with findings (1) or an error (2) is not.
    interpreter = ["/bin/sh", "-c"]
    command     = <<-EOT
      try=1
      while :; do
        "$GKE_POSTURE" audit "$CLUSTER" --fail-on "$FAIL_ON" $ARGUMENTS
        status=$?
        case $status in
          3|4) [ "$try" -lt "$TRIES" ] || exit $status ;;
          *) exit $status ;;
        esac
        try=$((try + 1))
        echo "gke-posture ended with $status; attempt $try of $TRIES in $WAIT s"
        sleep "$WAIT"
      done
    EOT
    environment = {
      GKE_POSTURE = var.gke_posture
      CLUSTER     = local.name
      FAIL_ON     = var.fail_on
      ARGUMENTS   = join(" ", var.arguments)
      TRIES       = var.tries
      WAIT        = var.wait_seconds
    }
  }
}
