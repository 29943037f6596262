# Audits a GKE cluster at the end of each apply, and fails the apply on a finding.
#
# A root module of its own, or a module beside yours: `cluster` may be the id of a google_container_cluster, which is
# known after the apply, so the audit waits for the cluster. Only what is built into Terraform is used.

terraform {
  required_version = ">= 1.4"
}

locals {
  name = "projects/${var.project}/locations/${var.location}/clusters/${var.cluster}"
}

resource "terraform_data" "posture" {
  # The provisioner runs when the resource is made or replaced. A new timestamp each time means: at each apply. Give
  # `triggers` instead to run it when something changes, such as the cluster's version.
  triggers_replace = var.triggers == null ? { always = timestamp() } : var.triggers

  provisioner "local-exec" {
    # The control plane answers while add-ons and node pools still change: a run that could not read the cluster
    # (exit status 3 or 4) is tried again, one with findings (1) or a mistake (2) is not.
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
