import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isSupportedNode, oldestNode } from './node.mjs'

/**
 * Bundles the functions before they are zipped, adds the resources of the stack (TypeScript, in this folder), and names the
 * published version of the session function in the distribution. The resources do not come through `${file(…)}`, because the
 * framework would take every `${…}` in a function's code for a variable of its own.
 */
export default class PackagingPlugin {
  constructor(serverless, options, { writeText }) {
    this.serverless = serverless
    this.writeText = writeText
    this.options = options
    this.hooks = {
      'before:package:cleanup': () => this.useOwnFolder(),
      'before:package:createDeploymentArtifacts': () => this.packageStage(),
      'before:aws:package:finalize:mergeCustomProviderResources': () => this.nameVersion(),
      'before:aws:common:moveArtifactsToPackage:move': () => this.keepBundles(),
      'after:deploy:deploy': () => this.printNextSteps(),
    }
  }

  /**
   * `package --package DIR` works in a folder of its own, so that two of them may run at once: the framework always works in
   * `.serverless` and moves that to DIR at the end. The bundles are then in `DIR/dist`.
   */
  useOwnFolder() {
    if (!this.options.package || this.serverless.processedInput.commands.join(' ') !== 'package') return
    this.options.package = resolve(this.options.package)
    this.ownFolder = mkdtempSync(join(tmpdir(), 'edge-signer-package-'))
    this.serverless.serviceDir = this.ownFolder
    process.once('exit', () => rmSync(this.ownFolder, { recursive: true, force: true }))
  }

  async packageStage() {
    await this.loadStageModule()
    const outDir = join(this.serverless.serviceDir, 'dist')
    rmSync(outDir, { recursive: true, force: true })
    const sources = {
      commandLine: this.options.param ?? [],
      file: this.serverless.configurationInput.params ?? {},
    }
    try {
      const stage = this.serverless.getProvider('aws').getStage()
      this.serverless.service.resources = await this.stageModule.packageStage(stage, sources, outDir)
    } catch (error) {
      // Shown by its message alone: a stack would bury the line that names the wrong value.
      if (error.code === 'ERR_CONFIG') throw new this.serverless.classes.Error(error.message, error.code)
      throw error
    }
  }

  nameVersion() {
    const { service } = this.serverless
    const { versionLogicalId } = service.getFunction('session')
    // The folder of this deploy's artefacts: its last part is the time of packaging.
    const deployment = service.package.artifactDirectoryName.split('/').at(-1)
    service.resources = this.stageModule.referToVersion(service.resources, versionLogicalId)
    service.resources = this.stageModule.nameDeployment(service.resources, deployment)
    this.stageModule.leaveNameToCloudFormation(service.provider.compiledCloudFormationTemplate)
    service.resources.extensions[versionLogicalId] = { UpdateReplacePolicy: 'Retain' }
  }

  /** Not there yet where a package that was made before is deployed. */
  async loadStageModule() {
    if (!isSupportedNode(process.versions.node)) {
      const message = `Packaging needs Node ${oldestNode} or newer; this is ${process.versions.node}.`
      throw new this.serverless.classes.Error(message, 'ERR_NODE_VERSION')
    }
    this.stageModule ??= await import('./package-stage.ts')
  }

  async printNextSteps() {
    await this.loadStageModule()
    const aws = this.serverless.getProvider('aws')
    const StackName = aws.naming.getStackName()
    const { Stacks } = await aws.request('CloudFormation', 'describeStacks', { StackName })
    const outputs = new Map(Stacks[0].Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]))
    this.writeText(['', ...this.stageModule.nextSteps(aws.getStage(), outputs)].join('\n'))
  }

  keepBundles() {
    if (this.ownFolder === undefined) return
    cpSync(join(this.ownFolder, 'dist'), join(this.ownFolder, '.serverless', 'dist'), { recursive: true })
  }
}
